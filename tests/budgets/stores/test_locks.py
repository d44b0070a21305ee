"""The lock of a budget is waited for a quarter of a second at a time, and a draw that does not get it gives up. Nobody
waits but the thread that draws. Another transaction has the lock."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from access.models import Team
from streaming.budgets.bell import Bell
from streaming.budgets.purse import Claim, Purse
from streaming.budgets.teller import LOCK_SECONDS, StoreUnreadable, Teller, is_locked
from tests.budgets.made import CENT, WORKER, bound, budget, key_of
from tests.harness.patience import SOON
from usage.budgets import windows
from usage.budgets.bank import Facts
from usage.budgets.draw import draw
from usage.budgets.models import BudgetBlock, BudgetWindow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

T = TypeVar("T")


@pytest.fixture
def purse() -> Purse:
    """Three dollars of which nobody has drawn."""
    key = key_of(Team.objects.create(name="blue"), "one")
    budget(key=key)
    (record,) = bound(key)
    (window,) = windows.ensure([record], time.time())
    return Purse(record, window.id, window.starts_at, window.resets_at, Facts(window.amount, 0, 0))


@pytest.fixture
def with_teller(tmp_path: Path) -> Callable[[Callable[[Teller], Awaitable[T]]], T]:
    """Runs something in an event loop with a teller, whose thread has ended when it returns."""

    def run(work: Callable[[Teller], Awaitable[T]]) -> T:
        async def running() -> T:
            teller = Teller(WORKER, Bell(tmp_path / "bell"), lambda drawn, bell: None)
            teller.start()
            try:
                return await work(teller)
            finally:
                await asyncio.to_thread(teller.stop)

        return asyncio.run(running())

    return run


@contextmanager
def locked(purse: Purse) -> Iterator[None]:
    """Another transaction has the window's lock (on SQLite that of the whole database)."""
    with transaction.atomic():
        assert BudgetWindow.objects.filter(pk=purse.id).update(spent=F("spent")) == 1
        yield


def claim_on(purse: Purse) -> Claim:
    return Claim([purse], 10 * CENT, purse.budget.key_id or 0)


def patience_of_connection() -> str:
    """For how long statements of this thread's connection wait for a lock, as the database itself says."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout" if connection.vendor == "postgresql" else "PRAGMA busy_timeout")
        return str(cursor.fetchone()[0]).removesuffix("ms")


def test_the_connection_that_draws_waits_for_250_ms_and_no_other_does(with_teller: Any) -> None:
    async def asked(teller: Teller) -> str:
        return await teller.run(patience_of_connection)

    assert with_teller(asked) == "250"
    assert patience_of_connection() != "250"


def test_one_try_ends_when_its_patience_does(purse: Purse, with_teller: Any) -> None:
    def one_try() -> tuple[OperationalError, float]:
        began = time.monotonic()
        with pytest.raises(OperationalError) as raised:
            draw(WORKER, [claim_on(purse).want()])
        return raised.value, time.monotonic() - began

    async def tried(teller: Teller) -> Any:
        return await teller.run(one_try)

    with locked(purse):
        error, seconds = with_teller(tried)
    assert is_locked(error)
    if connection.vendor == "postgresql":
        assert error.__cause__.sqlstate == "55P03"  # lock_not_available: it was the timeout that ended it
    else:
        assert error.__cause__.sqlite_errorname == "SQLITE_BUSY"
    assert LOCK_SECONDS * 0.9 < seconds < SOON


def test_a_draw_that_gets_no_lock_says_that_the_store_cannot_be_read(
    purse: Purse, with_teller: Any, caplog: pytest.LogCaptureFixture
) -> None:
    claim = claim_on(purse)

    async def drawn(teller: Teller) -> bool:
        with pytest.raises(StoreUnreadable):
            async with asyncio.timeout(SOON):
                await teller.draw(claim)
        return teller.failing

    with locked(purse):
        assert with_teller(drawn)
    assert claim.parts == [0]
    assert not BudgetBlock.objects.exists()
    (complaint,) = (one for one in caplog.records if one.name == "gateway.budgets")
    assert "lock" in str(getattr(complaint, "fields")["cause"])  # noqa: B009

    async def drawn_later(teller: Teller) -> Any:
        return await teller.draw(claim), teller.failing

    assert with_teller(drawn_later) == (None, False)
    assert claim.parts == [10 * CENT]


def test_nothing_is_left_to_the_event_loop_that_would_wait_for_the_lock(purse: Purse, with_teller: Any) -> None:
    """A cursor in a cycle of garbage is ended by whichever thread collects, and on SQLite only when no statement of its
    connection waits."""

    async def left(teller: Teller) -> list[CursorWrapper]:
        used = await teller.run(lambda: connections["default"])
        with pytest.raises(StoreUnreadable):
            await teller.draw(claim_on(purse))
        return [one for one in gc.get_objects() if isinstance(one, CursorWrapper) and one.db is used]

    gc.disable()
    try:
        with locked(purse):
            assert with_teller(left) == []
    finally:
        gc.enable()
