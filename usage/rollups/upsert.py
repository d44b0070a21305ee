"""Adds new requests to the rollups, in the transaction that inserted them. It never reads: every row is one upsert that
adds to the stored one, so two workers lose nothing, and rows go in the order of their ids, so they cannot deadlock.
Months are not added to here: a day that is over marks its month, to be built again (usage.rollups.months).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection, models

from usage import sqlite
from usage.generated import function
from usage.journal import texts
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import accumulate
from usage.rollups.accumulate import Key, SessionKey
from usage.rollups.cells import LARGEST, NEWEST, Cell, Session, limited
from usage.rollups.measures import SUMS
from usage.rollups.models import (
    AttemptRollup,
    ClientRollup,
    DailyRollup,
    MonthRollup,
    RollupMonth,
    SessionSummary,
    TagRollup,
    UsageRollup,
)
from usage.rollups.shapes import SHAPES

Model = (
    type[UsageRollup]
    | type[DailyRollup]
    | type[MonthRollup]
    | type[SessionSummary]
    | type[AttemptRollup]
    | type[TagRollup]
    | type[ClientRollup]
)
Cells = Mapping[Key, Cell] | Mapping[SessionKey, Session]


def add(
    requests: Sequence[RequestRecord],
    attempts: Sequence[AttemptRecord] = (),
    sessions: Sequence[RequestRecord] | None = None,
) -> None:
    """Adds requests and attempts whose rows were inserted just now. Call it inside the transaction of that insert, at
    its end: the rows that it locks are those that every worker wants. What is given twice counts once. Those of
    `sessions` alone are added to their sessions, if any are given. Raises django.db.Error."""
    # By numbers: a UUID's own hash takes ten times as long.
    requests = list({request.id.int: request for request in reversed(requests)}.values())
    attempts = list({attempt.id.int: attempt for attempt in reversed(attempts)}.values())
    added, days = _added_up(requests, attempts, requests if sessions is None else sessions)
    _write_all(added)
    if months := accumulate.months_before(time.time(), days):
        mark(months)


def statements(
    requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord], most_values: int
) -> list[tuple[str, Sequence[Any]]]:
    """Returns the statements that `add` would execute for new rows, with their values, for a thread without a
    connection to prepare. On SQLite each has `most_values` at most."""
    added, days = _added_up(requests, attempts, requests)
    # They are executed later, when this month may be over.
    marks = [_mark(month) for month in accumulate.months_of(days)]
    if connection.vendor != "sqlite":
        return [_together(added), *marks] if added else []
    made: list[tuple[str, Sequence[Any]]] = []
    for model, cells in added:
        rows = _rows(model, cells, "sqlite")
        most = most_values // len(model._meta.concrete_fields)
        for at in range(0, len(rows), most or 1):
            chunk = rows[at : at + most]
            made.append((_statement(model, "sqlite", len(chunk)), list(chain.from_iterable(chunk))))
    return made + marks


def write(model: Model, cells: Cells) -> None:
    """Adds cells to the rows with the same id, or inserts them."""
    _write_all([(model, cells)] if cells else [])


def mark(months: Iterable[date]) -> None:
    """Says in the caller's transaction, at its end, that days of these months (their first days) have changed: nobody
    reads their MonthRollup until it is built again. Raises django.db.Error."""
    for month in sorted(months):
        sqlite.execute_any(*_mark(month))


def _mark(month: date) -> tuple[str, Sequence[Any]]:
    table, value = RollupMonth._meta.db_table, "?" if connection.vendor == "sqlite" else "%s"
    return (
        f"INSERT INTO {table} AS stored (first_day, changes) VALUES ({value}, 1) "  # noqa: S608
        "ON CONFLICT (first_day) DO UPDATE SET built_at = NULL, changes = stored.changes + 1",
        [month.isoformat()],
    )


def _write_all(added: Sequence[tuple[Model, Cells]]) -> None:
    if not added:
        return
    if connection.vendor == "sqlite":
        sqlite.execute_each((_statement(model, "sqlite"), _rows(model, cells, "sqlite")) for model, cells in added)
    else:
        with connection.cursor() as cursor:
            cursor.execute(*_together(added))


def _together(added: Sequence[tuple[Model, Cells]]) -> tuple[str, list[str]]:
    """Returns one statement for PostgreSQL that writes several rollups, so that a batch waits for the server once.

    The server unpacks one JSON parameter for each, which costs this process a tenth of bound values.
    """
    values = [msgspec.json.encode(_rows(model, cells, "postgresql")).decode() for model, cells in added]
    return _joined(tuple(model for model, _ in added)), values


@cache
def _joined(of: tuple[Model, ...]) -> str:
    *before, last = (_statement(model, "postgresql") for model in of)
    # The server writes them one after the other, for all workers in the same order.
    parts = ", ".join(f"part_{number} AS ({statement})" for number, statement in enumerate(before))
    return f"WITH {parts} {last}" if parts else last


def _added_up(
    requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord], of_sessions: Sequence[RequestRecord]
) -> tuple[list[tuple[Model, Cells]], Collection[int]]:
    """Returns what there is to write, and the first moments of the days that change."""
    by_quarter, tags, clients, days = accumulate.requests(requests)
    added: list[tuple[Model, Cells]] = [
        (UsageRollup, by_quarter),
        (DailyRollup, accumulate.days(by_quarter)),
        (TagRollup, tags),
        (ClientRollup, clients),
        (SessionSummary, accumulate.sessions(of_sessions)),
        (AttemptRollup, accumulate.attempts(attempts)),
    ]
    return [(model, cells) for model, cells in added if cells], days


def _rows(model: Model, cells: Cells, vendor: str) -> list[Any]:
    """Returns the rows in the order of their ids: objects for PostgreSQL, tuples to bind for SQLite."""
    row, identity = _row(model, vendor), accumulate.identity
    made = [(identity(key), key, cell) for key, cell in cells.items()]
    made.sort(key=itemgetter(0))
    return [row(*parts) for parts in made]


@cache
def _row(model: Model, vendor: str) -> Callable[..., Any]:
    """Returns the function from an id, a key and its cell to a row, with all columns."""
    fields: list[Any] = list(model._meta.concrete_fields)
    if vendor == "sqlite":
        made = f"({', '.join(_bound(model, field) for field in fields)})"
    else:
        made = f"{{{', '.join(f'{field.attname!r}: {_value(model, field.attname)}' for field in fields)}}}"
    return function(
        "id, key, cell",
        ["counts, sums, bins = cell.counts, cell.sums, cell.bins", f"return {made}"],
        json=texts.sqlite_json,
        moment=texts.sqlite_moment,
        start=_start,
    )


def _bound(model: Model, field: Any) -> str:
    """What SQLite gets of a column."""
    value = _value(model, field.attname)
    if isinstance(field, models.UUIDField) and not field.primary_key:
        return f"None if {value} is None else {value}.hex"
    if field.attname == "tags":
        return f"None if {value} is None else json({value})"
    if isinstance(field, models.JSONField):
        return f"json({value}) if {value} else '{{}}'"
    return f"moment({value})" if isinstance(field, models.DateTimeField) else value


def _value(model: Model, column: str) -> str:
    """The value of a column, as code over `id`, `key`, `cell` and its three lists."""
    shape = SHAPES[model]
    if column in shape.dimensions:
        of_key = "key" if model is SessionSummary else "key.dimensions"
        return f"{of_key}[{shape.dimensions.index(column)}]"
    if column in shape.counts:
        return f"counts[{shape.counts.index(column)}]"
    if column in SUMS:
        return limited(f"sums[{SUMS.index(column)}]")
    if column in shape.bins:
        return f"bins[{shape.bins.index(column)}]"
    if column in NEWEST:
        newest = f"cell.newest[{NEWEST.index(column)}]"
        return newest if column != "owner_id" else f"None if {newest} < 0 else {newest}"
    known = {
        "id": "id",
        "overall": "key.overall",
        "keyless": "key.keyless",
        "starts_at": "start(key.starts_at)",
    }
    return known.get(column, f"cell.{column}")


@lru_cache(maxsize=1024)
def _start(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@cache
def _statement(model: Model, vendor: str, rows: int = 1) -> str:
    fields: list[Any] = list(model._meta.concrete_fields)
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(field.column for field in fields)
    if vendor == "postgresql":
        types = ", ".join(f"{field.column} {field.db_type(connection)}" for field in fields)
        source = f"SELECT {columns} FROM jsonb_to_recordset(%s) AS batch({types}) ORDER BY id"  # noqa: S608
    else:
        marks = f"({', '.join('?' * len(fields))})"
        source = f"VALUES {', '.join([marks] * rows)}"
    changed = {field.column: _change(model, field.column, vendor) for field in fields}
    if model is SessionSummary:
        changed |= {column: _newest(column) for column in NEWEST}
    changes = ", ".join(f"{column} = {change}" for column, change in changed.items() if change)
    return f"INSERT INTO {table} AS stored ({columns}) {source} ON CONFLICT (id) DO UPDATE SET {changes}"


def _change(model: Model, column: str, vendor: str) -> str:
    """Returns what a column becomes when its row exists; nothing for the columns that the id is a digest of."""
    old, new = f"stored.{column}", f"excluded.{column}"
    if column in SHAPES[model].counts or column == "errors":
        return f"{old} + {new}"
    if column in SUMS:
        # The largest bigint stays the largest. SQLite's sum turns into a float there, and its cast saturates.
        both = f"{old} + {new}" if vendor == "sqlite" else f"least(CAST({old} AS numeric) + {new}, {LARGEST})"
        return f"CASE WHEN {old} IS NULL THEN {new} WHEN {new} IS NULL THEN {old} ELSE CAST({both} AS bigint) END"
    if column in SHAPES[model].bins:
        return f"CASE WHEN {new} = '{{}}' THEN {old} ELSE ({_both_bins(old, new, vendor)}) END"
    if column in {"first_seen", "last_seen"}:
        return f"CASE WHEN {new} {'<' if column == 'first_seen' else '>'} {old} THEN {new} ELSE {old} END"
    return ""


def _both_bins(old: str, new: str, vendor: str) -> str:
    """Returns the sum of two histograms. Only the bins of the new one are looked at: a day has many, a request one."""
    if vendor == "postgresql":
        sum_ = f"CAST(value AS bigint) + coalesce(CAST({old} ->> key AS bigint), 0)"
        return f"SELECT {old} || jsonb_object_agg(key, {sum_}) FROM jsonb_each_text({new})"  # noqa: S608
    sum_ = f"""value + coalesce(json_extract({old}, '$."' || key || '"'), 0)"""
    return f"SELECT json_patch({old}, json_group_object(key, {sum_})) FROM json_each({new})"  # noqa: S608


def _newest(column: str) -> str:
    """Returns what the newest request of a session had in a column."""

    def compared(row: str) -> str:
        names = (f"{row}.{name}" if name != "owner_id" else f"coalesce({row}.{name}, -1)" for name in NEWEST)
        return f"({row}.last_seen, {', '.join(names)})"

    newer = f"{compared('excluded')} > {compared('stored')}"
    return f"CASE WHEN {newer} THEN excluded.{column} ELSE stored.{column} END"
