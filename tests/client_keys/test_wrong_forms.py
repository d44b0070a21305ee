"""A key of a wrong form is refused without a query, a usage row or a look at the body."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from access.keys import KeyRecord, Keys, hash_key, new_key
from streaming.consumer import ClaudeConsumer
from streaming.exchange.load import Load
from streaming.ingress.claude import paths
from streaming.refused_keys import RefusedKeys
from streaming.runtime import Runtime

RIGHT = new_key().secret
WRONG = ("sk-px-" + "a" * 49, RIGHT[:-1] + "!", "sk-px-" + "a" * 31 + "!", "sk-ant-api03-" + "a" * 90, "a", "a b, c")


def _status(secret: str, method: str, path: str) -> tuple[int, int]:
    """The status of a request with a key, and how many accounts of usage rows it opened. No test here has a database:
    a query would be a 500."""
    opened: list[object] = []

    def note(identity: object, request_id: object) -> None:
        opened.append(identity)
        raise LookupError

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    sent: list[dict[str, Any]] = []

    async def send(part: dict[str, Any]) -> None:
        sent.append(part)

    record = KeyRecord(id=1, name="k", prefix=RIGHT[:10], hash=hash_key(RIGHT), team_id=1, team_name="red")
    runtime = SimpleNamespace(
        started=True,
        store=SimpleNamespace(current=SimpleNamespace(keys=Keys([record])), too_old_at=math.inf),
        load=Load(),
        recorder=SimpleNamespace(open=note),
        sweeper=SimpleNamespace(lag=None),
        refused_keys=RefusedKeys(0, ()),
    )
    headers = [(b"x-api-key", secret.encode())]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    asyncio.run(ClaudeConsumer(cast(Runtime, runtime))(scope, receive, send))
    return sent[0]["status"], len(opened)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_form_leaves_nothing_anywhere(wrong: str) -> None:
    for method, path in (("POST", paths.MESSAGES), ("GET", "/v1/models"), ("GET", "/v1/me"), ("GET", "/v1/none")):
        assert _status(wrong, method, path) == (401, 0), path


def test_the_right_one_opens_an_account_and_asks_the_database() -> None:
    assert _status(RIGHT, "POST", paths.MESSAGES) == (500, 1)
    assert _status(RIGHT, "GET", "/v1/me") == (500, 0)
