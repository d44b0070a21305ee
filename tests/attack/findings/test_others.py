"""What one client breaks is broken for that client: the others' requests go on."""

from __future__ import annotations

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.harness import speak


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
