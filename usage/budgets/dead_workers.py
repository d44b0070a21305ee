"""What becomes of the blocks of workers that are gone. Functions raise django.db.Error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from usage.budgets.bank import BLOCKS, WINDOWS, locked_ids
from usage.budgets.models import BudgetBlock

DEAD = timedelta(seconds=30)
"""A worker whose heartbeat is older is taken for dead."""


def return_block(worker: str, *, all_known: bool = False) -> None:
    """Gives back what a worker held that is gone, when all of its rows are written. What is uncertain stays drawn,
    unless the worker itself ended in order and all is known."""
    with transaction.atomic():
        blocks = BudgetBlock.objects.filter(worker=worker, uncertain=False)
        locked_ids(BudgetBlock.objects.filter(worker=worker).values_list("window_id", flat=True))
        if all_known:
            BudgetBlock.objects.filter(worker=worker).update(uncertain=False)
        with connection.cursor() as cursor:
            for window, amount in _amounts(worker):
                cursor.execute(
                    f"UPDATE {WINDOWS} SET drawn = drawn - %s WHERE id = %s",  # noqa: S608
                    [amount, window],
                )
        blocks.delete()


def settle_dead() -> dict[str, int]:
    """Notes which blocks are those of dead workers, once each; returns how much each of these workers held.

    What may have gone upstream stays drawn, unless the worker's journal turns up.
    """
    now = datetime.now(UTC)
    # A worker that holds nothing writes no heartbeat.
    dead = BudgetBlock.objects.filter(heartbeat__lt=now - DEAD, settled_at=None, amount__gt=0)
    if not dead.exists():
        # Nobody waits for a lock for nothing.
        return {}
    with transaction.atomic():
        dead = dead.select_for_update()
        rows = list(dead.order_by("window_id").values_list("id", "worker"))
        BudgetBlock.objects.filter(id__in=[identity for identity, _ in rows]).update(settled_at=now)
    return {worker: sum(amount for _, amount in _amounts(worker)) for worker in {worker for _, worker in rows}}


def _amounts(worker: str) -> list[tuple[int, int]]:
    """Returns the blocks of a worker that are not uncertain: their windows and amounts."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT window_id, amount FROM {BLOCKS} WHERE worker = %s AND NOT uncertain ORDER BY window_id",  # noqa: S608
            [worker],
        )
        return list(cursor.fetchall())
