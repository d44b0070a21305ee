"""Claude Code finishes a session with a tool while the server of its first provider dies in the middle of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from routing.models import Route
from tests.clients import claude_code, npm
from tests.harness import speak
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import HANG, Reply, Script
from tests.harness.upstream import Upstream
from usage.models import RequestLog

pytestmark = pytest.mark.clients
both_orders = pytest.mark.parametrize(
    ("dialect", "other"), [("anthropic", "openai_chat"), ("openai_chat", "anthropic")]
)

COMMAND = json.dumps({"command": "echo hi", "description": "Say hi"})


class Session:
    """Claude Code on a route whose first provider has a server of its own, and whose second one lives on."""

    def __init__(self, home: Path, gateway: Gateway, standing: Standing, upstream: Upstream) -> None:
        npm.install()
        self.home, self.gateway, self.standing, self.upstream = home, gateway, standing, upstream
        self.mortal = Upstream()
        self.mortal.start()
        self.alive = True
        self.script = Script({})

    def route(self, dialect: str, other: str, *, continues: bool = False) -> Route:
        """The mortal provider's model, then the other one's."""
        first = make_provider(dialect, f"{self.mortal.base_url}/mortal")
        made = make_route(
            [make_model(first), make_model(make_provider(other, f"{self.upstream.base_url}/heir"))], continues=continues
        )
        self.gateway.wait_snapshot()
        return made

    def says(self, *mortal: Reply, heir: Reply) -> None:
        """What the two say, one after the other."""
        self.script = self.mortal.script(*mortal)
        inherited = Script({"": [heir]})
        inherited.mark = self.script.mark
        self.upstream.play(inherited)

    def run(self, route: Route) -> claude_code.Run:
        """One run to its end."""
        prompt = f"Run echo hi with Bash and report. {self.script.mark}"
        key = self.standing.key.secret
        return claude_code.run(claude_code.LATEST, self.home, self.gateway.base_url, key, route.name, prompt)

    def die(self) -> None:
        """Every connection breaks, and nothing listens any more."""
        if self.alive:
            self.alive = False
            self.mortal.stop()


@pytest.fixture
def session(tmp_path: Path, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows) -> Iterator[Session]:
    made = Session(tmp_path / "home", gateway, standing, upstream)
    try:
        yield made
    finally:
        made.die()


def _turn(dialect: str) -> Reply:
    return speak.reply(
        dialect, speak.text("Running it."), speak.call("Bash", COMMAND[:9], COMMAND[9:], id="call_bash_1")
    )


def _rows(orm: Rows, run: claude_code.Run, count: int) -> list[RequestLog]:
    return orm.of_session(run.result["session_id"], count)


@both_orders
def test_between_two_turns(dialect: str, other: str, session: Session, orm: Rows) -> None:
    route = session.route(dialect, other)
    session.says(_turn(dialect), heir=speak.answer(other, "It printed hi."))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.run, route)
        turn = session.script.wait()
        until(lambda: turn.finished, "the first turn to be answered")
        session.die()
        run = running.result()
    assert run.succeeded()["result"] == "It printed hi."
    assert [block["content"] for block in run.blocks("tool_result")] == ["hi"]
    row = _rows(orm, run, 2)[-1]
    first, second = orm.attempts(row)
    assert first.error_type in {"connect", "connection_lost"}
    assert (second.outcome, row.outcome, row.stop_reason) == ("completed", "completed", "end_turn")


@both_orders
@pytest.mark.parametrize("continues", [True, False], ids=["continued", "asked-again"])
def test_in_the_middle_of_the_second_turns_text(
    continues: bool, dialect: str, other: str, session: Session, orm: Rows
) -> None:
    route = session.route(dialect, other, continues=continues)
    half = Reply([speak.opening(dialect, "It printed "), HANG])
    session.says(_turn(dialect), half, heir=speak.answer(other, "hi." if continues else "It printed hi."))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.run, route)
        session.script.wait_read(half, 2)
        session.die()
        run = running.result()
    assert run.succeeded()["result"] == "It printed hi."
    rows = _rows(orm, run, 2 if continues else 3)
    attempts = orm.attempts(rows[-1])
    assert [attempt.outcome for attempt in attempts] == ["failed", "completed"]
    assert ("answer_continued" in (rows[-1].fidelity or [])) is continues
    # Where the route does not continue, the client heard of the failure and asked again.
    assert [row.outcome for row in rows] == ["completed", *([] if continues else ["failed"]), "completed"]
