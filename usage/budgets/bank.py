"""What a worker has of the windows of budgets: gives it back, reads windows, and keeps marks. Each call is one
transaction.

A window's `drawn` is the sum of its blocks. Whoever changes a block has locked its window before; windows are locked in
the order of their ids. Money is in pico-dollars. Functions raise django.db.Error.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, transaction

from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow

WINDOWS, BLOCKS, _MARKS = (f'"{model._meta.db_table}"' for model in (BudgetWindow, BudgetBlock, BudgetMark))


WANTED = "wanted_until > %s"
"""Whether a request waits, for the moment of now."""


class Facts(msgspec.Struct, frozen=True):
    """A window after a transaction. `limit` is the amount, what was raised included; `wanted`: a request waits for
    money that workers hold."""

    limit: int
    spent: int
    drawn: int
    wanted: bool = False

    @property
    def left(self) -> int:
        """What can be drawn; negative after an overdraft."""
        return self.limit - self.spent - self.drawn


class Mark(msgspec.Struct, frozen=True):
    """Why a key is refused: see BudgetMark."""

    window_id: int
    key_id: int
    needed: int
    limit: int

    def lifted(self, facts: Facts) -> bool:
        """Returns whether the key may draw again."""
        return facts.limit > self.limit or facts.left >= self.needed


class Looked(msgspec.Struct, frozen=True):
    """Windows as they are, by their ids, and the marks in them that hold."""

    facts: dict[int, Facts]
    marks: list[Mark]


class Return:
    """Gives money of the worker's blocks back to the windows. A block that has less is left alone.

    Where a commit was lost, nobody knows whether it happened: `make` it again before the worker draws or returns
    anything else.
    """

    def __init__(self, worker: str, amounts: Mapping[int, int]) -> None:
        self._worker = worker
        self._amounts = amounts
        self._id = secrets.randbits(63)
        self.may_be_made = False
        """Whether money may have been given back."""

    def make(self) -> None:
        """Gives it back, unless an earlier call has."""
        with transaction.atomic():
            windows = locked_ids(self._amounts)
            blocks = BudgetBlock.objects.filter(worker=self._worker, window__in=windows)
            # Of a block that is gone all was given back.
            if not self.may_be_made or blocks.exclude(draw_id=self._id).exists():
                return_amounts(self._worker, self._amounts)
                blocks.update(draw_id=self._id)
            self.may_be_made = True


def return_amounts(worker: str, amounts: Mapping[int, int]) -> None:
    """Does that in the caller's transaction, whenever it is called."""
    locked = locked_ids(amounts)
    with connection.cursor() as cursor:
        for window in locked:
            amount = amounts[window]
            cursor.execute(
                f"UPDATE {BLOCKS} SET amount = amount - %s WHERE window_id = %s AND worker = %s AND amount >= %s",  # noqa: S608
                (amount, window, worker, amount),
            )
            if cursor.rowcount:
                cursor.execute(f"UPDATE {WINDOWS} SET drawn = drawn - %s WHERE id = %s", (amount, window))  # noqa: S608
    BudgetBlock.objects.filter(worker=worker, window__in=locked, amount=0, uncertain=False).delete()


def beat(worker: str) -> Looked:
    """Notes that the worker lives; returns the windows of its blocks."""
    now = datetime.now(UTC)
    blocks = BudgetBlock.objects.filter(worker=worker)
    blocks.update(heartbeat=now, settled_at=None)
    return look(list(blocks.values_list("window_id", flat=True)))


def look(windows: Collection[int]) -> Looked:
    """Returns windows as they are."""
    ids = list(windows)
    if not ids:
        return Looked({}, [])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, amount + raised, spent, drawn, {WANTED} FROM {WINDOWS} WHERE id IN ({_places(ids)})",  # noqa: S608
            [sql_now(), *ids],
        )
        rows = cursor.fetchall()
    facts = {identity: Facts(limit, spent, drawn, bool(wanted)) for identity, limit, spent, drawn, wanted in rows}
    return Looked(facts, [mark for mark in _marks(facts) if not mark.lifted(facts[mark.window_id])])


def mark(marks: Sequence[Mark]) -> None:
    """Refuses keys until their windows have what they need. Of two marks of a key in a window the larger counts."""
    now = sql_now()
    limit, needed = connection.ops.quote_name("limit"), f"{_MARKS}.needed"
    ids = {one.window_id for one in marks}
    with transaction.atomic(), connection.cursor() as cursor:
        # One that was stored late may find its window removed.
        there = set(BudgetWindow.objects.filter(pk__in=ids).values_list("pk", flat=True))
        for one in sorted(marks, key=lambda each: (each.window_id, each.key_id)):
            if one.window_id not in there:
                continue
            cursor.execute(
                f"INSERT INTO {_MARKS} (window_id, key_id, needed, {limit}, created_at) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608
                f"ON CONFLICT (window_id, key_id) DO UPDATE SET {limit} = excluded.{limit}, "
                f"needed = CASE WHEN excluded.needed > {needed} THEN excluded.needed ELSE {needed} END",
                [one.window_id, one.key_id, one.needed, one.limit, now],
            )


def unmark(windows: Iterable[int], key_id: int) -> None:
    """Removes the marks of a key."""
    BudgetMark.objects.filter(window__in=list(windows), key_id=key_id).delete()


def set_uncertain(worker: str, windows: Collection[int], *, uncertain: bool) -> None:
    """Notes whether requests went upstream that the worker's journal does not know."""
    with transaction.atomic():
        locked = locked_ids(windows)
        BudgetBlock.objects.filter(worker=worker, window__in=locked).update(uncertain=uncertain)


def sql_now(later: float = 0.0) -> Any:
    """Returns the moment of so many seconds later than now, as statements take it."""
    return connection.ops.adapt_datetimefield_value(datetime.now(UTC) + timedelta(seconds=later))


def locked_ids(windows: Iterable[int]) -> list[int]:
    """Locks windows until the transaction ends, in order; returns those that exist."""
    return [identity for (identity,) in select_locked("id", windows)]


def select_locked(columns: str, windows: Iterable[int], *values: Any) -> list[tuple[Any, ...]]:
    """Locks windows in the same manner; returns these columns of them, which have so many values."""
    ids = sorted(set(windows))
    if not ids:
        return []
    locking = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {WINDOWS} WHERE id IN ({_places(ids)}) ORDER BY id{locking}",  # noqa: S608
            [*values, *ids],
        )
        return list(cursor.fetchall())


def _marks(windows: Collection[int]) -> list[Mark]:
    ids, limit = list(windows), connection.ops.quote_name("limit")
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT window_id, key_id, needed, {limit} FROM {_MARKS} WHERE window_id IN ({_places(ids)})",  # noqa: S608
            ids,
        )
        return [Mark(*row) for row in cursor.fetchall()]


def unlifted(facts: Mapping[int, Facts]) -> list[Mark]:
    """Removes the marks that are lifted; returns the others."""
    held = []
    for each in _marks(facts):
        if each.lifted(facts[each.window_id]):
            unmark([each.window_id], each.key_id)
        else:
            held.append(each)
    return held


def _places(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
