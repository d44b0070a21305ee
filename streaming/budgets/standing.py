"""How far a key is from its hard budgets, for those who ask for that and for no answer of a model.

It reads the windows in threads of its own, so that no stream waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Literal, TypeVar, cast

from django.db import connection

from access.allowances.budgets import BudgetRecord
from access.keys import KeyRecord
from streaming.exchange.quota import Quota
from usage.budgets import windows
from usage.budgets.periods import TOTAL, bounds

_TIMEOUT: Final = 4.0
"""Seconds that the database gets; Claude Code waits for five."""

_Read = TypeVar("_Read")

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="standing")


async def standing(key: KeyRecord) -> list[Quota]:
    """Returns a quota for each hard budget that binds `key`, with what its rows have spent.

    Raises django.db.Error, or TimeoutError while the database does not answer.
    """
    budgets = [budget for budget in key.budgets if budget.hard]
    return await beside(partial(_quotas, budgets)) if budgets else []


async def beside(read: Callable[[], _Read], threads: ThreadPoolExecutor = _threads) -> _Read:
    """Returns what `read` reads from the database, in a thread. Raises what it raises, or TimeoutError."""
    async with asyncio.timeout(_TIMEOUT):
        return await asyncio.get_running_loop().run_in_executor(threads, partial(_closing, read))


def _closing(read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    finally:
        connection.close()


def _quotas(budgets: Sequence[BudgetRecord]) -> list[Quota]:
    now = time.time()
    return [_quota(budget, window, now) for budget, window in zip(budgets, windows.look(budgets, now), strict=True)]


def _quota(budget: BudgetRecord, window: windows.Window | None, now: float) -> Quota:
    """Nothing was asked for in a window that is not there."""
    resets_at = bounds(budget.period, budget.zone, budget.week_starts, now)[1]
    return Quota(
        period=cast(Literal["day", "week", "month", "total"], budget.period),
        most=budget.amount + (0 if window is None else window.raised),
        used=0 if window is None else window.spent,
        resets_at=None if budget.period == TOTAL else resets_at,
        shared=budget.shared,
    )
