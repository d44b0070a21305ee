"""What one client breaks is broken for that client: the others' requests go on."""

from __future__ import annotations

import time

from django.utils import timezone

from access.models import ClientKey
from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.patience import SOON
from tests.harness.script import HANG, Gate, Reply


def test_one_client_switches_no_model_off_for_the_others(rig: Rig) -> None:
    with rig.configure():
        mallory, others = rig.new_key(), rig.new_key()
        routes = {dialect: rig.new_route(dialect) for dialect in DIALECTS}
    for dialect, route in routes.items():
        failing = rig.script(speak.refusal(dialect, 502, "the schema is too much for me"))
        for number in range(12):
            body = rig.body(failing, model=route, system=f"another body each time: {number}")
            assert rig.client(mallory.secret).post(body).status >= 500
        # Its circuit is open by now: the provider is not asked each time.
        assert len(failing.seen) < 12, dialect
        answering = rig.script(speak.answer(dialect, "done"))
        for _ in range(4):
            answer = rig.client(others.secret).post(rig.body(answering, model=route))
            assert answer.stream().text == "done", dialect


def test_neither_does_a_prompt_that_is_forbidden_or_outlasts_the_time_out(rig: Rig) -> None:
    manners = {"forbidden": speak.refusal("openai_chat", 403, "not this prompt"), "too long": Reply([HANG])}
    with rig.configure():
        mallory, others = rig.new_key(), rig.new_key()
        routes = {name: rig.new_route("openai_chat", first_event_timeout=1) for name in manners}
    for name, route in routes.items():
        failing = rig.script(manners[name])
        for number in range(6):
            body = rig.body(failing, model=route, system=f"another body each time: {number}")
            assert rig.client(mallory.secret).post(body).status >= 500
        answering = rig.script(speak.answer("openai_chat", "done"))
        for _ in range(4):
            answer = rig.client(others.secret).post(rig.body(answering, model=route))
            assert answer.stream().text == "done", name


def test_a_revoked_key_keeps_no_stream_where_it_is_to_be_cut(rig: Rig) -> None:
    with rig.configure():
        key = rig.new_key()
    gate = Gate()
    script = rig.script(Reply([speak.opening("anthropic", "so far"), gate]))
    with rig.serving(REVOKED_KEYS="cut") as other, other.client(key.secret).reading(rig.body(script)) as stream:
        stream.until(b"so far")
        ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())
        began = time.monotonic()
        _, failure = stream.finish().broken_stream()
        assert time.monotonic() - began < SOON
        assert failure["type"] == "authentication_error"
        gate.open()
