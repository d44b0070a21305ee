"""Months of usage rows: on PostgreSQL each is a partition, created ahead and dropped at once; on SQLite a range of ids.

A row's month is that of its UUIDv7 id, in UTC. Rows of a month without a partition go to DEFAULT, so none is rejected.
Nothing here waits long for a lock, because on PostgreSQL all later statements wait behind one that waits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from django.db import OperationalError, connection, transaction

from usage.budgets import windows
from usage.models import AttemptLog, RequestLog

MODELS = (RequestLog, AttemptLog)
LOCK_TIMEOUT_MS = 100
"""How long one attempt may wait for a lock, and so hold up others."""
CREATE_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts to create a partition. A caller for whom all fail has months of time to retry."""
DROP_PAUSES = (0.2, 0.5, 1.0, 2.0) + (5.0,) * 10
DELETE_BATCH = 500
DELETE_PAUSE = 0.01
"""Seconds between two batches of deletions, in which other writers get their turn."""

_ADVISORY_KEY = 0x75736167  # "usag": any number that nothing else locks
_BOUNDS = re.compile(r"FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)")
_LOCKED_STATES = frozenset({"55P03", "40P01"})
"""PostgreSQL's lock_not_available and deadlock_detected."""
_T = TypeVar("_T")


class Pruned(msgspec.Struct, frozen=True):
    """Rows that were removed, or would be: those of a dropped `partition`, or single ones where that is empty.

    A partition's `rows` are the planner's estimate; the table was locked for `locked_ms` at most.
    """

    table: str
    partition: str
    rows: int
    locked_ms: float = 0.0


class _Partition(msgspec.Struct, frozen=True):
    table: str
    name: str
    lowest: UUID
    end: UUID


def this_month() -> date:
    """Returns the first day of the current month in UTC."""
    return datetime.now(UTC).date().replace(day=1)


def months_after(month: date, count: int) -> date:
    """Returns the month `count` months later, or earlier."""
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def lowest_id(month: date) -> UUID:
    """Returns the lowest UUIDv7 of a month: its first millisecond in UTC in the upper 48 bits, zeros below.

    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
    """
    return UUID(int=int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp() * 1000) << 80)


# --- creating --------------------------------------------------------------------------------------------------------


def ensure(ahead: int = 2, *, since: date | None = None) -> list[str]:
    """Creates the partitions of this month (or the one of `since`) up to `ahead` months from now; returns the new ones.

    Their rows in DEFAULT are moved into them. If all exist, it is one query of the catalogue. SQLite has none.
    Several workers may call it at once. Raises OperationalError when it got no lock in time: try again later.
    """
    if connection.vendor != "postgresql":
        return []
    month, last = since or this_month(), months_after(this_month(), ahead)
    created = []
    existing = _partitions()
    while month <= last:
        for model in MODELS:
            table, wanted = model._meta.db_table, month
            if not _covered(existing, table, month):
                created += _with_retries(lambda table=table, wanted=wanted: _create(table, wanted), CREATE_PAUSES)  # type: ignore[misc]
        month = months_after(month, 1)
    return created


def _covered(partitions: list[_Partition], table: str, month: date) -> bool:
    lowest = lowest_id(month)
    return any(one.table == table and one.lowest <= lowest < one.end for one in partitions)


def _create(table: str, month: date) -> list[str]:
    name = f"{table}_{month:%Y_%m}"
    lowest, end = lowest_id(month), lowest_id(months_after(month, 1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_KEY])
        if _covered(_partitions(), table, month):
            return []
        # To create a table and attach it blocks no reader of other months, unlike PARTITION OF.
        cursor.execute(f'CREATE TABLE "{name}" (LIKE "{table}" INCLUDING ALL)')
        # Inserts wait for a moment: a running one into DEFAULT would fail when this month leaves it.
        cursor.execute(f'LOCK TABLE ONLY "{table}" IN SHARE ROW EXCLUSIVE MODE')
        cursor.execute(f'LOCK TABLE "{table}_default" IN ACCESS EXCLUSIVE MODE')
        cursor.execute(
            f'WITH moved AS (DELETE FROM "{table}_default" WHERE id >= %s AND id < %s RETURNING *) '  # noqa: S608
            f'INSERT INTO "{name}" SELECT * FROM moved',
            [lowest, end],
        )
        cursor.execute(f"ALTER TABLE \"{table}\" ATTACH PARTITION \"{name}\" FOR VALUES FROM ('{lowest}') TO ('{end}')")
    return [name]


# --- pruning ---------------------------------------------------------------------------------------------------------


def prune(keep_months: int, *, dry_run: bool = False) -> list[Pruned]:
    """Removes the rows of all months before the last `keep_months`; the current month always stays.

    PostgreSQL drops partitions, each in a transaction of its own. Single rows (on SQLite all, on PostgreSQL those that
    a wrong clock put into DEFAULT) are deleted in small batches. Raises OperationalError when it got no lock in time:
    what was removed stays removed, call again. `dry_run` only counts. Raises ValueError for less than 0 months.
    """
    if keep_months < 0:
        raise ValueError("months to keep are counted from 0")
    month = months_after(this_month(), -keep_months)
    if not dry_run:
        windows.settle_before(month)
    end = lowest_id(month)
    pruned = []
    for model in MODELS:
        table = model._meta.db_table
        old = [partition for partition in _partitions() if partition.table == table and partition.end <= end]
        for partition in old:
            rows = _estimate(partition)
            locked = 0.0 if dry_run else _with_retries(lambda one=partition: _drop(one), DROP_PAUSES)  # type: ignore[misc]
            pruned.append(Pruned(table, partition.name, rows, locked))
        if dry_run:
            singles = model.objects.filter(id__lt=end)
            for partition in old:
                singles = singles.exclude(id__gte=partition.lowest, id__lt=partition.end)
            rows = singles.count()
        else:
            rows = _delete(model, end)
        if rows:
            pruned.append(Pruned(table, "", rows))
    return pruned


def _drop(partition: _Partition) -> float:
    """Drops a partition; returns for how many milliseconds at most the table was locked.

    That is until COMMIT returns, after the files are deleted; the lock is released before.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute(f'LOCK TABLE ONLY "{partition.table}" IN ACCESS EXCLUSIVE MODE')
        began = time.perf_counter()
        cursor.execute(f'DROP TABLE IF EXISTS "{partition.name}"')
    return (time.perf_counter() - began) * 1000


def _delete(model: type[RequestLog] | type[AttemptLog], end: UUID) -> int:
    deleted = 0
    while True:
        batch = model.objects.filter(id__lt=end).order_by("id").values_list("id", flat=True)[:DELETE_BATCH]
        count, _ = model.objects.filter(id__in=batch).delete()
        deleted += count
        if count < DELETE_BATCH:
            return deleted
        time.sleep(DELETE_PAUSE)


# --- PostgreSQL's catalogue and locks --------------------------------------------------------------------------------


def _partitions() -> list[_Partition]:
    """Returns all partitions of both tables that have bounds, oldest first; none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    found = []
    with connection.cursor() as cursor:
        for model in MODELS:
            table = model._meta.db_table
            cursor.execute(
                "SELECT part.relname, pg_get_expr(part.relpartbound, part.oid) FROM pg_inherits "
                "JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = to_regclass(%s)",
                [table],
            )
            for name, bounds in cursor.fetchall():
                if match := _BOUNDS.search(bounds):
                    found.append(_Partition(table, name, UUID(match[1]), UUID(match[2])))
    return sorted(found, key=lambda partition: partition.lowest)


def _estimate(partition: _Partition) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [partition.name])
        row = cursor.fetchone()
        if row and row[0] >= 0:
            return int(row[0])
        # Never analysed, so it is small.
        cursor.execute(f'SELECT count(*) FROM "{partition.name}"')  # noqa: S608
        return int(cursor.fetchone()[0])


def _with_retries(action: Callable[[], _T], pauses: tuple[float, ...]) -> _T:
    """Returns what `action` returns, retried after each pause while it gets no lock in time."""
    for pause in pauses:
        try:
            return action()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _LOCKED_STATES:
                raise
        time.sleep(pause)
    return action()
