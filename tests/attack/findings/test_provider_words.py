"""What a provider says: our own secrets in it, absurd counts, endless beginnings. None of it passes as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.script import Reply
from usage.models import SetAside


@pytest.mark.parametrize("dialect", DIALECTS)
def test_our_credential_is_cut_out_of_a_provider_s_error(dialect: str, rig: Rig) -> None:
    for status in (400, 401, 404, 429, 500):
        with rig.configure():
            route = rig.new_route(dialect)
        secret = rig.secrets[route]
        words = f"Incorrect API key provided: {secret}. Bearer {secret}"
        replies = (
            speak.refusal(dialect, status, words, code=secret),
            Reply([speak.opening(dialect, "half"), speak.error_in_stream(dialect, words)]),
        )
        for reply in replies:
            script = rig.script(reply)
            for stream in (True, False):
                answer = rig.client().post(rig.body(script, model=route, stream=stream))
                assert rig.marks.found_in(answer.raw + str(answer.headers).encode()) == [], (status, stream)


def _counted(dialect: str, tokens: Any) -> Reply | None:
    """A whole answer with these counts in it; None for a dialect whose answers have none to replace."""
    reply = speak.answer(dialect, "done and counted")
    body = b"".join(step for step in reply.steps if isinstance(step, bytes))
    fresh, _, output = speak.counts(dialect)
    changed = body
    for count in {fresh, output}:
        for name in (b"input_tokens", b"output_tokens", b"prompt_tokens", b"completion_tokens", b"promptTokenCount"):
            changed = changed.replace(b'"%b":%d' % (name, count), b'"%b":%b' % (name, json.dumps(tokens).encode()))
            changed = changed.replace(b'"%b": %d' % (name, count), b'"%b": %b' % (name, json.dumps(tokens).encode()))
    return None if changed == body else Reply([changed], headers=reply.headers)


@pytest.mark.parametrize("tokens", [-5, 10**26, 1e308, "many", 1.5, [], 2**63, True])
def test_absurd_counts_are_counted_here(tokens: Any, rig: Rig) -> None:
    before = SetAside.objects.count()
    tried = 0
    for dialect in DIALECTS:
        reply = _counted(dialect, tokens)
        if reply is None:
            continue
        tried += 1
        answer = rig.client().post(rig.body(rig.script(reply), dialect))
        assert answer.status == 200
        row = rig.rows.request(answer.request_id)
        assert row.cost is not None, dialect
        assert row.cost > 0, dialect
        assert row.output_tokens is None or 0 < row.output_tokens < 10**6, dialect
        assert str(10**26).encode() not in answer.raw
        assert b":-5" not in answer.raw
    assert tried >= 3
    assert SetAside.objects.count() == before


def test_answers_that_say_nothing_are_counted_and_priced(rig: Rig) -> None:
    for dialect in DIALECTS:
        script = rig.script(Reply([speak.opening(dialect, "Some words that somebody pays for. " * 10)]))
        answer = rig.client().post(rig.body(script, dialect))
        row = rig.rows.request(answer.request_id)
        assert row.cost is not None, dialect
        assert row.cost > 0, dialect
        assert row.estimated, dialect


def test_a_hundred_thousand_interim_answers_are_an_error(rig: Rig) -> None:
    with rig.configure():
        route = rig.new_route("openai_chat")
    script = rig.script(Reply(before=[b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 100_000], raw=b""))
    with rig.watching() as toll:
        answer = rig.client().post(rig.body(script, model=route))
    assert answer.status >= 500
    assert toll.cpu < 1.0
    assert toll.grown < 32 * 1024 * 1024


def test_probes_name_no_addresses(rig: Rig) -> None:
    url = "postgresql://marked_user:marked_password@127.0.0.1:9/marked_name"
    with rig.serving(ready=False, DATABASE_URL=url) as other:
        text = json.dumps(other.gateway.readiness())
    for word in ("marked_user", "marked_password", "127.0.0.1", "marked_name", "port 9"):
        assert word not in text
