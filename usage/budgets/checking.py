"""Compares windows with what they are the sums of: the costs of their rows, and the blocks of workers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from access.database import snapshot
from usage.budgets import windows
from usage.budgets.dead_workers import DEAD
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.dollars_sum import DollarsSum
from usage.money import to_dollars, to_pico

SECOND_LOOK_SECONDS = 12.0
"""Between the two looks at heartbeats. Workers write one every 5 seconds, but none while the database is away."""


class Difference(msgspec.Struct, frozen=True):
    """A window whose sums are not what its rows and blocks are, in pico-dollars."""

    window: str
    spent: int
    of_rows: int
    drawn: int
    of_blocks: int
    corrections: int
    """How often the window was corrected before."""

    def __str__(self) -> str:
        parts = []
        if self.spent != self.of_rows:
            parts.append(f"spent is {_dollars(self.spent)}, its rows cost {_dollars(self.of_rows)}")
        if self.drawn != self.of_blocks:
            parts.append(f"drawn is {_dollars(self.drawn)}, its blocks have {_dollars(self.of_blocks)}")
        return f"{self.window}: {'; '.join(parts)}"


class Dead(msgspec.Struct, frozen=True):
    """A worker that wrote no heartbeat for a while, and the pico-dollars that its blocks have."""

    worker: str
    amount: int
    uncertain: bool

    def __str__(self) -> str:
        sent = (
            " Some of it may have been spent: requests went to providers without a journal." if self.uncertain else ""
        )
        return f"Worker {self.worker} is gone and holds {_dollars(self.amount)}.{sent}"


def differences(*, repair: bool = False) -> Iterator[Difference]:
    """Yields the windows whose sums are wrong, as they are before they are repaired. Raises django.db.Error.

    Nothing is locked while rows are added up. Whoever adds to a window meanwhile adds the same on both sides, so that a
    window is repaired by the difference that it had.
    """
    for identity in list(BudgetWindow.objects.order_by("id").values_list("id", flat=True)):
        found = _measured(identity)
        while found is not None and repair and not _repair(identity, found):
            found = _measured(identity)
        if found is not None:
            yield found


def dead_workers(budget_id: int | None = None) -> list[Dead]:
    """Returns the workers that are taken for dead, by name, with what they hold of all budgets, or of one."""
    blocks = _dead() if budget_id is None else _dead().filter(window__budget_id=budget_id)
    return _by_worker(blocks)


def remove_dead(wait: float = SECOND_LOOK_SECONDS) -> list[Dead]:
    """Gives what dead workers hold back to the windows; returns who held how much.

    Dead is who after so many seconds still has written no newer heartbeat: after an outage of the database those of all
    workers are old.
    """
    seen = {pk: (window, beat) for pk, window, beat in _dead().values_list("id", "window_id", "heartbeat")}
    if not seen:
        return []
    time.sleep(wait)
    removed: list[BudgetBlock] = []
    with transaction.atomic():
        ids = {window for window, _ in seen.values()}
        # In the order in which everybody locks windows.
        for window in list(BudgetWindow.objects.select_for_update().filter(id__in=ids).order_by("id")):
            old = _dead().select_for_update().filter(window=window)
            blocks = [block for block in old if seen.get(block.pk) == (window.pk, block.heartbeat)]
            BudgetBlock.objects.filter(id__in=[block.pk for block in blocks]).delete()
            amount = sum((block.amount for block in blocks), to_dollars(0))
            BudgetWindow.objects.filter(pk=window.pk).update(drawn=window.drawn - amount)
            removed += blocks
    return _by_worker(removed)


def _by_worker(blocks: Iterable[BudgetBlock]) -> list[Dead]:
    amounts: dict[str, int] = {}
    uncertain = set()
    for block in blocks:
        amounts[block.worker] = amounts.get(block.worker, 0) + to_pico(block.amount)
        if block.uncertain:
            uncertain.add(block.worker)
    return [Dead(worker, amount, worker in uncertain) for worker, amount in sorted(amounts.items())]


def _dead() -> QuerySet[BudgetBlock]:
    return BudgetBlock.objects.filter(heartbeat__lt=timezone.now() - DEAD, amount__gt=0).order_by()


def _difference(identity: int) -> Difference | None:
    window = BudgetWindow.objects.filter(pk=identity).first()
    if window is None:
        # It was removed with its rows.
        return None
    blocks = window.blocks.order_by().aggregate(total=DollarsSum("amount"))["total"] or to_dollars(0)
    found = Difference(
        window=f"window {window.pk} of {window}",
        spent=to_pico(window.spent),
        of_rows=min(windows.spent_by_rows(window), windows.LARGEST),
        drawn=to_pico(window.drawn),
        of_blocks=to_pico(blocks),
        corrections=window.corrections,
    )
    return None if (found.spent, found.drawn) == (found.of_rows, found.of_blocks) else found


def _measured(identity: int) -> Difference | None:
    with snapshot():
        return _difference(identity)


def _repair(identity: int, found: Difference) -> bool:
    """Returns whether it did: not where somebody else has corrected the window since."""
    with transaction.atomic():
        windows_now = BudgetWindow.objects.filter(pk=identity)
        # It also locks the window.
        if not windows_now.filter(corrections=found.corrections).update(corrections=found.corrections + 1):
            return False
        window = windows_now.get()
        spent = to_pico(window.spent) + found.of_rows - found.spent
        drawn = to_pico(window.drawn) + found.of_blocks - found.drawn
        windows_now.update(spent=to_dollars(min(spent, windows.LARGEST)), drawn=to_dollars(drawn))
    return True


def _dollars(pico: int) -> str:
    return f"${to_dollars(pico).normalize():f}"
