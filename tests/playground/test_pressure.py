"""Tokens that are refused, or too many at once, cost the database little and keep nobody else from theirs."""

from __future__ import annotations

import asyncio
import math
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from access.keys import Keys
from access.playground.holder import NOT_VALID, SignedIn
from access.playground.tokens import Claims, issue
from streaming import playground
from streaming.consumer import ClaudeConsumer
from streaming.exchange.exchange import Exchange
from streaming.exchange.load import Load
from streaming.exchange.sweeper import Sweeper
from streaming.ingress.claude import errors, paths
from streaming.playground import SessionWatch
from streaming.refused import Refused
from streaming.refused_keys import RefusedKeys
from streaming.runtime import Runtime
from tests.harness.patience import PATIENCE

CLAIMS = Claims(1, 1, "0" * 40)


def test_the_database_is_not_asked_for_an_address_that_sends_too_many_refused_keys() -> None:
    runtime = SimpleNamespace(
        started=True,
        store=SimpleNamespace(current=SimpleNamespace(keys=Keys([])), too_old_at=math.inf),
        load=Load(),
        refused_keys=RefusedKeys(1, ()),
    )

    def status(token: str) -> int:
        sent: list[dict[str, Any]] = []

        async def send(part: dict[str, Any]) -> None:
            sent.append(part)

        async def receive() -> dict[str, Any]:
            raise AssertionError("the body was read")

        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope = {"type": "http", "method": "POST", "path": paths.MESSAGES, "query_string": b"", "headers": headers}
        scope["client"] = ("203.0.113.7", 1)
        asyncio.run(ClaudeConsumer(cast(Runtime, runtime))(scope, receive, send))
        return int(sent[0]["status"])

    # This test has no database: a query would be a 500.
    assert [status("wrong"), status(issue(CLAIMS))] == [401, 429]


def test_too_many_at_once_are_refused_and_the_watch_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    ended: list[Any] = []

    def slow(*_: Any) -> Any:
        free.wait(PATIENCE)
        return NOT_VALID

    monkeypatch.setattr(playground, "holder", slow)
    monkeypatch.setattr(playground, "why_ended", lambda claims: NOT_VALID)
    key = SignedIn(id=-1, name="", prefix="", hash="", team_id=1, team_name="red", claims=CLAIMS)
    watch = SessionWatch([cast(Exchange, SimpleNamespace(key=key, interrupt=ended.append))])
    headers = {"authorization": f"Bearer {issue(CLAIMS)}"}

    async def ask() -> list[Any]:
        try:
            asking = [asyncio.create_task(playground.caller(headers, Keys([]))) for _ in range(100)]
            await asyncio.sleep(0)
            refused = [task.exception() for task in asking if task.done()]
            await watch.look()
        finally:
            free.set()
        await asyncio.gather(*asking, return_exceptions=True)
        assert await playground.caller(headers, Keys([])) == NOT_VALID
        return refused

    refused = asyncio.run(ask())
    assert len(refused) == 36
    assert len(ended) == 1
    assert isinstance(refused[0], Refused)
    answer = errors.of_refused(refused[0])
    assert (answer.status, b"retry-after" in dict(answer.headers)) == (529, True)


def test_a_look_that_fails_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([KeyError("a session of another shape"), NOT_VALID])

    def why(_: Claims) -> Any:
        if isinstance(found := next(looks), KeyError):
            raise found
        return found

    monkeypatch.setattr(playground, "why_ended", why)
    key = SignedIn(id=-1, name="", prefix="", hash="", team_id=1, team_name="red", claims=CLAIMS)

    async def run() -> None:
        ended = asyncio.Event()
        running: Any = [SimpleNamespace(key=key, interrupt=lambda _: ended.set(), tick=lambda now, late, most: now)]
        watch, sweeper = SessionWatch(running), Sweeper(running)
        sweeper.add_chore(0.01, watch.begin)
        sweeper.start()
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await sweeper.stop()
        await watch.stop()

    asyncio.run(run())
