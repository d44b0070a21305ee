"""Every module and class of the gateway that the counts touch. When one moves, this file follows, and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from access.keys import new_key
from access.models import Budget, ClientKey, Team
from access.tags import NO_TAGS
from benchmarks.count.workloads import Workload
from providers.outbound import upstream
from proxysite.asgi import application
from usage.journal.account import Account
from usage.journal.journal import Journal
from usage.journal.records import AttemptRecord, RequestRecord
from usage.journal.writer import Writer

__all__ = [
    "THREADS_AT_START",
    "Account",
    "Journal",
    "Row",
    "Sent",
    "Writer",
    "answer_with",
    "application",
    "budget_key",
    "closed",
    "row",
    "write",
]

Application = Callable[
    [dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]
Row = tuple[RequestRecord, list[AttemptRecord]]

THREADS_AT_START = ("watcher", "asyncio", "budgets")
"""How the names of the threads begin without which the application does not start."""
_STARTED = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0)
"""Today: a request of a day that is over is late, and marks its month besides."""
_DECISION = msgspec.Raw(
    b'{"reasons":[["exact_name","a route has this name"]],"dropped":[],"attempts":["openai_chat: mock"],'
    b'"facts":{"input_estimate":39,"max_tokens":1024,"clock":"12:30","weekday":"mon"}}'
)


class Sent:
    """Stands for the body of an upstream's response: its bytes have all arrived, without a connection."""

    def __init__(self, reads: Sequence[bytes]) -> None:
        self._reads = iter(reads)
        self._left = len(reads)

    def __aiter__(self) -> Sent:
        return self

    async def __anext__(self) -> bytes:
        """The reads, one after the other."""
        for data in self._reads:
            self._left -= 1
            return data
        raise StopAsyncIteration

    async def push_to(self, take: Callable[[bytes], bool]) -> None:
        """Hands over all reads but the last, which comes with the end of the body."""
        while self._left > 1:
            self._left -= 1
            if not take(next(self._reads)):
                break

    def is_over(self) -> bool:
        """Whether the last read was taken."""
        return not self._left

    async def aclose(self) -> None:
        """Nothing is open."""


def answer_with(workload: Workload) -> None:
    """From now on every upstream answers at once with the workload's reads, and no connection is made."""
    headers = {b"content-type": b"text/event-stream; charset=utf-8", b"x-request-id": b"req_mock"}

    async def answered(
        self: upstream.Upstream, request: Any, *, connect_timeout: float, connected: Callable[[], None]
    ) -> upstream.Response:
        connected()
        return upstream.Response(200, headers, Sent(workload.reads))

    upstream.Upstream.open = answered  # type: ignore[method-assign]


def budget_key() -> str:
    """Returns the secret of a new key with a budget that no benchmark uses up."""
    made = new_key()
    key = ClientKey.objects.create(team=Team.objects.get(), name="budget", prefix=made.prefix, hash=made.hash)
    Budget.objects.create(key=key, amount=1_000_000)
    return made.secret


def row(number: int) -> Row:
    """A usage row as W1 makes one: a request that was completed by its first attempt."""
    identity, attempt = _identity(2 * number), _identity(2 * number + 1)
    shared: dict[str, Any] = {
        "started_at": _STARTED,
        "outcome": "completed",
        "provider_id": 1,
        "provider_name": "openai_chat",
        "model_id": 1,
        "model_name": "mock",
        "http_status": 200,
        "stop_reason": "end_turn",
        "input_tokens": 42,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 20,
        "price_id": 1,
        "cost": 426_000_000,
        "input_cost": 126_000_000,
        "cache_read_cost": 0,
        "cache_write_cost": 0,
        "output_cost": 300_000_000,
        "other_cost": 0,
        "time_to_first_token_ms": 210,
        "duration_ms": 1_250,
    }
    request = RequestRecord(
        id=identity,
        team_id=1,
        team_name="benchmarks",
        key_id=1,
        key_name="benchmarks",
        key_prefix="benchmark",
        route_id=1,
        route_name="bench-openai",
        request_model="bench-openai",
        request_id=f"req_{identity.hex}",
        session_id="11111111-2222-4333-8444-555555555555",
        client="benchmarks/1.0",
        client_name="benchmarks",
        client_version="1.0",
        tags_id=NO_TAGS,
        tags=[],
        routing_revision=12,
        access_revision=3,
        phase="exact name",
        decision=_DECISION,
        attempts=1,
        **shared,
    )
    tried = AttemptRecord(
        id=attempt,
        request_log_id=identity,
        number=1,
        dialect="openai_chat",
        credential_id=1,
        credential_name="benchmarks",
        upstream_request_id="req_mock",
        **shared,
    )
    return request, [tried]


def closed(rows: Sequence[Row], journal: Journal) -> list[Account]:
    """Returns the accounts of rows, their end in the journal."""
    accounts = []
    for request, attempts in rows:
        account = Account(None, request)
        account.attempts, account.ended = attempts, True
        journal.append(account, ended=True)
        accounts.append(account)
    return accounts


def write(writer: Writer, accounts: list[Account]) -> None:
    """Write rows into the database in one batch, as the writer's thread does."""
    writer.write(accounts)
    if writer.set_aside or writer.failing_since:
        raise RuntimeError("the database did not take the rows")


def _identity(number: int) -> UUID:
    """A UUIDv7 of one millisecond; consecutive numbers are consecutive."""
    return UUID(int=(int(_STARTED.timestamp() * 1000) << 80) | (0x7 << 76) | (0b10 << 62) | number)
