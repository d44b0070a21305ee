"""Adds new requests to the rollups, in the transaction that inserted them. It never reads: every row is one upsert that
adds to the stored one, so two workers lose nothing, and rows go in the order of their ids, so they cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection, models

from usage import sqlite
from usage.journal import texts
from usage.journal.records import RequestRecord
from usage.rollups import accumulate
from usage.rollups.accumulate import LARGEST, Cell, Key, Session, SessionKey
from usage.rollups.generated import function
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, SUMS
from usage.rollups.models import DailyRollup, SessionSummary, UsageRollup

Model = type[UsageRollup] | type[DailyRollup] | type[SessionSummary]
Cells = Mapping[Key, Cell] | Mapping[SessionKey, Session]


def add(requests: Sequence[RequestRecord]) -> None:
    """Adds requests whose rows were inserted just now. Call it inside the transaction of that insert, at its end: the
    rows that it locks are those that every worker wants. A request that is given twice counts once. Raises
    django.db.Error."""
    if not requests:
        return
    requests = list({request.id: request for request in reversed(requests)}.values())
    for model, cells in _added_up(requests):
        write(model, cells)


def statements(requests: Sequence[RequestRecord], most_values: int) -> list[tuple[str, Sequence[Any]]]:
    """Returns the statements that `add` would execute for new requests, with their values, for a thread without a
    connection to prepare. On SQLite each has `most_values` at most."""
    made: list[tuple[str, Sequence[Any]]] = []
    for model, cells in _added_up(requests):
        rows = _rows(model, cells)
        most = most_values // len(model._meta.concrete_fields) if connection.vendor == "sqlite" else len(rows)
        for at in range(0, len(rows), most or 1):
            chunk = rows[at : at + most]
            if connection.vendor == "sqlite":
                made.append((_statement(model, "sqlite", len(chunk)), list(chain.from_iterable(chunk))))
            else:
                made.append((_statement(model, connection.vendor), [msgspec.json.encode(chunk).decode()]))
    return made


def write(model: Model, cells: Cells) -> None:
    """Adds cells to the rows with the same id, or inserts them."""
    rows = _rows(model, cells)
    if not rows:
        return
    if connection.vendor == "postgresql":
        # The server unpacks one JSON parameter, which costs this process a tenth of bound values.
        with connection.cursor() as cursor:
            cursor.execute(_statement(model, connection.vendor), [msgspec.json.encode(rows).decode()])
    else:
        sqlite.execute_each(_statement(model, connection.vendor), rows)


def _added_up(requests: Sequence[RequestRecord]) -> Iterator[tuple[Model, Cells]]:
    by_quarter = accumulate.quarters(requests)
    yield UsageRollup, by_quarter
    yield DailyRollup, accumulate.days(by_quarter)
    yield SessionSummary, accumulate.sessions(requests)


def _rows(model: Model, cells: Cells) -> list[Any]:
    """Returns the rows in the order of their ids: objects for PostgreSQL, tuples to bind for SQLite."""
    row, identity = _row(model, connection.vendor), accumulate.identity
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
    if isinstance(field, models.JSONField):
        return f"json({value}) if {value} else '{{}}'"
    return f"moment({value})" if isinstance(field, models.DateTimeField) else value


def _value(model: Model, column: str) -> str:
    """The value of a column, as code over `id`, `key`, `cell` and its three lists."""
    of_key = ("team_id", "key_id", "session_id") if model is SessionSummary else DIMENSIONS
    if column in of_key:
        return f"key[{of_key.index(column)}]" if model is SessionSummary else f"key.dimensions[{of_key.index(column)}]"
    if column in COUNTS:
        return f"counts[{COUNTS.index(column)}]"
    if column in SUMS:
        return accumulate.limited(f"sums[{SUMS.index(column)}]")
    if column in BINS:
        return f"bins[{BINS.index(column)}]"
    known = {"id": "id", "overall": "key.overall", "starts_at": "start(key.starts_at)"}
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
    changed = {field.column: _change(field.column, vendor) for field in fields}
    if model is SessionSummary:
        changed |= {column: _newest(column) for column in ("team_name", "key_name")}
    changes = ", ".join(f"{column} = {change}" for column, change in changed.items() if change)
    return f"INSERT INTO {table} AS stored ({columns}) {source} ON CONFLICT (id) DO UPDATE SET {changes}"


def _change(column: str, vendor: str) -> str:
    """Returns what a column becomes when its row exists; nothing for the columns that the id is a digest of."""
    old, new = f"stored.{column}", f"excluded.{column}"
    if column in COUNTS or column == "errors":
        return f"{old} + {new}"
    if column in SUMS:
        # The largest bigint stays the largest. SQLite's sum turns into a float there, and its cast saturates.
        both = f"{old} + {new}" if vendor == "sqlite" else f"least(CAST({old} AS numeric) + {new}, {LARGEST})"
        return f"CASE WHEN {old} IS NULL THEN {new} WHEN {new} IS NULL THEN {old} ELSE CAST({both} AS bigint) END"
    if column in BINS:
        return f"CASE WHEN {new} = '{{}}' THEN {old} ELSE ({_both_bins(old, new, vendor)}) END"
    if column in {"first_seen", "last_seen"}:
        return f"CASE WHEN {new} {'<' if column == 'first_seen' else '>'} {old} THEN {new} ELSE {old} END"
    return ""


def _both_bins(old: str, new: str, vendor: str) -> str:
    """Returns the sum of two histograms."""
    if vendor == "postgresql":
        each, collect, number = "jsonb_each_text", "jsonb_object_agg(key, times)", "CAST(value AS bigint)"
    else:
        each, collect, number = "json_each", "json_group_object(key, times)", "value"
    entries = f"SELECT key, value FROM {each}({old}) UNION ALL SELECT key, value FROM {each}({new})"  # noqa: S608
    return (
        f"SELECT {collect} FROM (SELECT key, sum({number}) AS times FROM ({entries}) AS both_bins GROUP BY key) AS bins"  # noqa: S608
    )


def _newest(column: str) -> str:
    """Returns the name that the newest request of a session had."""
    newer = ", ".join(f"excluded.{name}" for name in ("last_seen", "team_name", "key_name"))
    return (
        f"CASE WHEN ({newer}) > ({newer.replace('excluded', 'stored')}) THEN excluded.{column} ELSE stored.{column} END"
    )
