"""What one worker learns the others know within two seconds; a database that is away changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from providers.errors import ErrorKind, UpstreamError
from routing.health import CircuitSettings, Health, sharing
from routing.health.sharing import Sharing
from routing.models import HealthState
from routing.snapshot import CandidateConfig
from routing.watch import news
from routing.watch.watcher import Watcher
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows
from tests.health.driver import candidate, credential

pytestmark = pytest.mark.both_databases

KNOWN = candidate(credential(901), model=901, provider=901)


class Worker:
    """A health with its thread."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.health = Health(CircuitSettings(), lambda: time.monotonic() + self._ahead)
        self.sharing = Sharing(self.health)
        self.watcher = Watcher([self.sharing])

    async def start(self) -> None:
        self.sharing.start(self.watcher.wake)
        await asyncio.to_thread(self.watcher.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self.watcher.stop)
        self.sharing.stop()

    def passes(self, seconds: float) -> None:
        """Time goes by for this worker alone."""
        self._ahead += seconds

    def fails(self, kind: ErrorKind = ErrorKind.SERVER, times: int = 5, **fields: Any) -> None:
        for _ in range(times):
            self.tracker().ended(UpstreamError(kind, "", **fields))

    def tracker(self) -> Any:
        return self.health.begin(KNOWN, KNOWN.provider.credentials[0])

    def cooling(self, known: CandidateConfig = KNOWN) -> float | None:
        return self.health.cooling(known)


@pytest.fixture(autouse=True)
def _clean(orm: Rows, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(news, "INTERVAL", 0.05)
    yield
    HealthState.objects.filter(key__contains="901").delete()


def run(check: Callable[[Worker, Worker], Awaitable[None]]) -> None:
    """Two workers on one database."""

    async def both() -> None:
        workers = Worker(), Worker()
        for worker in workers:
            await worker.start()
        try:
            await check(*workers)
        finally:
            for worker in workers:
                await worker.stop()

    asyncio.run(both())


async def until(true: Callable[[], bool]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


def test_a_circuit_that_one_opens_is_open_for_all_and_closes_for_all() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails()
        await until(lambda: other.cooling() is not None)
        wait = other.cooling()
        assert wait is not None
        # Who opened it probes it; the others give it time for that.
        assert 30 < wait <= 45
        one.health.circuit("candidate:901:901").reset(one.health.clock())
        await until(lambda: other.cooling() is None)

    run(check)


def test_only_the_one_that_opened_it_probes_and_the_others_take_over_when_it_does_not() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails()
        await until(lambda: other.cooling() is not None)
        for worker in (one, other):
            worker.passes(30)
        assert one.cooling() is None
        assert other.cooling() is not None
        other.passes(15)
        assert other.cooling() is None

    run(check)


def test_while_one_probes_the_others_wait_and_learn_the_outcome() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails()
        await until(lambda: other.cooling() is not None)
        for worker in (one, other):
            worker.passes(35)
        assert 0 < (other.cooling() or 0) <= 10
        probe = one.tracker()
        await until(lambda: (other.cooling() or 0) > 10)
        probe.first_byte(0.1)
        probe.ended(None)
        await until(lambda: other.cooling() is None)

    run(check)


def test_a_credential_that_one_found_rejected_is_not_used_by_the_others() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails(ErrorKind.AUTHENTICATION, 1)
        await until(lambda: other.health.credential(KNOWN) is None)
        assert "rejected its credential" in other.health.why_cooling(KNOWN)

    run(check)


def test_a_rate_limit_ends_for_all_at_the_same_time() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails(ErrorKind.RATE_LIMIT, 1, retry_after=50.0)
        await until(lambda: other.cooling() is not None)
        assert (other.cooling() or 0) == pytest.approx(one.cooling() or 0, abs=1)

    run(check)


def test_a_reset_reaches_all() -> None:
    async def check(one: Worker, other: Worker) -> None:
        one.fails()
        await until(lambda: other.cooling() is not None)
        await asyncio.to_thread(_reset)
        await until(lambda: one.cooling() is None and other.cooling() is None)
        # ... and what was before is forgotten.
        one.fails(times=4)
        assert one.cooling() is None

    run(check)


def _reset() -> None:
    from django.db import connection

    sharing.reset(["candidate:901:901"], "reset by a test")
    connection.close()


def test_a_worker_that_starts_learns_what_is_open() -> None:
    now = timezone.now()
    HealthState.objects.create(
        key="provider:901",
        state="open",
        since=now,
        until=now + timedelta(seconds=100),
        seconds=100,
        failures=5,
        openings=3,
        cause="connect",
        changed_at=now,
        changed_by="somebody",
    )

    async def check(one: Worker, other: Worker) -> None:
        await until(lambda: one.cooling() is not None)
        assert 99 < (one.cooling() or 0) < 116

    run(check)


def test_pages_read_what_is_open_and_remove_nothing() -> None:
    now = timezone.now()
    for key, changed_at in (("provider:901", now), ("provider:9019", now - timedelta(days=2))):
        HealthState.objects.create(
            key=key,
            state="open",
            since=changed_at,
            until=changed_at + timedelta(seconds=100),
            seconds=100,
            changed_at=changed_at,
            changed_by="somebody",
        )

    async def check() -> None:
        health = Health(CircuitSettings())
        reader = Sharing(health, reads_only=True)
        watcher = Watcher([reader])
        reader.start(watcher.wake)
        await asyncio.to_thread(watcher.start)
        try:
            await until(lambda: health.cooling(KNOWN) is not None)
            for _ in range(5):
                health.begin(KNOWN, KNOWN.provider.credentials[0]).ended(UpstreamError(ErrorKind.SERVER, ""))
        finally:
            await asyncio.to_thread(watcher.stop)
            reader.stop()

    asyncio.run(check())
    assert set(HealthState.objects.filter(key__contains="901").values_list("key", flat=True)) == {
        "provider:901",
        "provider:9019",
    }


def test_a_row_of_another_version_is_left_alone() -> None:
    now = timezone.now()
    rows = [
        HealthState(key=key, state="open", since=now, until=now, changed_at=now, changed_by="somebody")
        for key in ("planet:901", "901")
    ]
    HealthState.objects.bulk_create(rows)

    async def check(one: Worker, other: Worker) -> None:
        one.fails()
        await until(lambda: other.cooling() is not None)

    run(check)


def test_the_database_away_changes_nothing_and_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(one: Worker, other: Worker) -> None:
        def away(_: Watcher) -> Any:
            raise OperationalError("the database is away")

        monkeypatch.setattr(Watcher, "_news", away)
        # Whatever wakes them finds it away.
        for worker in (one, other):
            worker.watcher.wake()
        one.fails()
        await until(lambda: one.sharing.failing and other.sharing.failing)
        assert one.cooling() is not None
        assert other.cooling() is None
        monkeypatch.undo()
        await until(lambda: other.cooling() is not None)

    run(check)


def test_clocks_that_differ_open_nothing_for_longer_than_it_was_opened_for() -> None:
    now = timezone.now() + timedelta(hours=1)
    HealthState.objects.create(
        key="candidate:901:901",
        state="open",
        since=now,
        until=now + timedelta(seconds=30),
        seconds=30,
        changed_at=now,
        changed_by="a machine in the future",
    )

    async def check(one: Worker, other: Worker) -> None:
        await until(lambda: one.cooling() is not None)
        assert (one.cooling() or 0) <= 60

    run(check)
