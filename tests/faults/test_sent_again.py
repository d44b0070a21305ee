"""A request that was sent to its end is never sent again under its id, however its connection is lost.

The next try is an attempt of its own: what a provider saw twice is two rows. What never left whole: tests/transport.
"""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from tests.faults.conftest import MakeRoute
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.script import CUT, Reply, Script, Wait
from tests.harness.upstream import Upstream

WORKED = Wait(0.3)
JSON = {"content-type": "application/json"}

LOST: dict[str, Reply] = {
    "reset-at-once": Reply(before=[CUT]),
    "closed-at-once": Reply(raw=b""),
    "worked-then-reset": Reply(before=[WORKED, CUT]),
    "worked-then-closed": Reply(before=[WORKED], raw=b""),
    "worked-then-half-a-head-and-reset": Reply(before=[WORKED, b"HTTP/1.1 200 O", CUT]),
    "half-a-head-and-closed": Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-ty"),
    "continue-and-closed": Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early-hints-and-closed": Reply(raw=b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
}
UNREADABLE: dict[str, Reply] = {
    "too-many-lines-and-closed": Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200),
}
LOST |= UNREADABLE
"""Ways to lose a connection under a request that the provider may have processed."""


def _ids(script: Script) -> list[str]:
    return [seen.headers["x-attempt-id"] for seen in script.seen]


def _warm(client: Client, route: str, upstream: Upstream, dialect: str) -> None:
    """Leaves a connection to the route's provider in the pool."""
    assert client.post(message(route, upstream.script(speak.answer(dialect)).prompt)).stream().text


@pytest.mark.both_databases
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("lost", LOST)
def test_what_a_provider_may_have_processed_is_one_attempt_each_time(
    lost: str, stream: bool, client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("bad", "healthy_claude", retries=1)
    _warm(client, route.name, upstream, "openai_chat")
    _warm(client, route.name, upstream, "openai_chat")
    script = upstream.script(bad=[LOST[lost]], healthy_claude=[speak.claude_answer("from the next")])
    answer = client.post(message(route.name, script.prompt, stream=stream))
    text = answer.stream().text if stream else answer.json["content"][0]["text"]
    assert text == "from the next"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [attempt.outcome for attempt in attempts] == ["failed", "failed", "completed"]
    assert {attempt.error_type for attempt in attempts[:2]} == {
        "malformed" if lost in UNREADABLE else "connection_lost"
    }
    assert _ids(script) == [str(attempt.id) for attempt in attempts]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_asks_once_under_one_id(
    dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route = standing.routes[dialect].name
    _warm(client, route, upstream, dialect)
    script = upstream.script(LOST["worked-then-reset"])
    answer = client.post(message(route, script.prompt))
    answer.error(502, "api_error")
    assert _ids(script) == [str(each.id) for each in orm.attempts(orm.request(answer.request_id))]


def test_a_count_that_was_worked_on_is_asked_for_once(client: Client, standing: Standing, upstream: Upstream) -> None:
    route = standing.routes["anthropic"].name
    _warm(client, route, upstream, "anthropic")
    script = upstream.script(LOST["worked-then-reset"])
    body = {"model": route, "messages": [{"role": "user", "content": script.prompt}]}
    answer = client.post(body, path="/v1/messages/count_tokens")
    assert (answer.status, answer.headers["x-gateway-count"]) == (200, "local")
    assert len(script.seen) == 1
