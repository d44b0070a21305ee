"""Adds new requests to the rollups, in the transaction that inserted them. It never reads: every row is one upsert that
adds to the stored one, so two workers lose nothing, and rows go in the order of their ids, so they cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
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
Row = dict[str, Any]


def add(requests: Sequence[RequestRecord]) -> None:
    """Adds requests whose rows were inserted just now. Call it inside the transaction of that insert, at its end: the
    rows that it locks are those that every worker wants. A request that is given twice counts once. Raises
    django.db.Error."""
    if not requests:
        return
    requests = list({request.id: request for request in reversed(requests)}.values())
    for model, rows in _added_up(requests):
        write(model, rows)


def statements(requests: Sequence[RequestRecord], most_values: int) -> list[tuple[str, Sequence[Any]]]:
    """Returns the statements that `add` would execute for new requests, with their values, for a thread without a
    connection to prepare. On SQLite each has `most_values` at most."""
    made: list[tuple[str, Sequence[Any]]] = []
    for model, rows in _added_up(requests):
        ordered = _ordered(rows)
        most = most_values // len(model._meta.concrete_fields) if connection.vendor == "sqlite" else len(ordered)
        for at in range(0, len(ordered), most or 1):
            chunk = ordered[at : at + most]
            if connection.vendor == "sqlite":
                values = list(chain.from_iterable(map(_binder(model), chunk)))
                made.append((_statement(model, "sqlite", len(chunk)), values))
            else:
                made.append((_statement(model, connection.vendor), [msgspec.json.encode(chunk).decode()]))
    return made


def _added_up(requests: Sequence[RequestRecord]) -> Iterator[tuple[Model, list[Row]]]:
    by_quarter = accumulate.quarters(requests)
    yield UsageRollup, rollup_rows(by_quarter)
    yield DailyRollup, rollup_rows(accumulate.days(by_quarter))
    yield SessionSummary, session_rows(accumulate.sessions(requests))


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["id"].int)


def rollup_rows(of: Mapping[Key, Cell]) -> list[Row]:
    """Returns rows of UsageRollup or DailyRollup: column -> value."""
    moments = {at: datetime.fromtimestamp(at, UTC) for at in {key.starts_at for key in of}}
    return [_rollup_row(accumulate.identity(key), moments[key.starts_at], key, cell) for key, cell in of.items()]


_rollup_row = function(
    "id, starts_at, key, cell",
    [
        "dimensions, counts, sums, bins = key.dimensions, cell.counts, cell.sums, cell.bins",
        "return {'id': id, 'starts_at': starts_at, 'overall': key.overall, "
        + "".join(f"'{name}': dimensions[{at}], " for at, name in enumerate(DIMENSIONS))
        + "".join(f"'{name}': counts[{at}], " for at, name in enumerate(COUNTS))
        + "".join(f"'{name}': {accumulate.limited(f'sums[{at}]')}, " for at, name in enumerate(SUMS))
        + "".join(f"'{name}': bins[{at}], " for at, name in enumerate(BINS))
        + "}",
    ],
)


def session_rows(of: Mapping[SessionKey, Session]) -> list[Row]:
    """Returns rows of SessionSummary: column -> value."""
    return [
        {
            "id": accumulate.identity(key),
            "team_id": key[0],
            "key_id": key[1],
            "session_id": key[2],
            "team_name": session.team_name,
            "key_name": session.key_name,
            "first_seen": session.first_seen,
            "last_seen": session.last_seen,
            "errors": session.errors,
            **session.figures(),
        }
        for key, session in of.items()
    ]


def write(model: Model, rows: Iterable[Row]) -> None:
    """Adds rows to those with the same id, or inserts them."""
    ordered = _ordered(rows)
    if not ordered:
        return
    if connection.vendor == "postgresql":
        # The server unpacks one JSON parameter, which costs this process a tenth of bound values.
        with connection.cursor() as cursor:
            cursor.execute(_statement(model, connection.vendor), [msgspec.json.encode(ordered).decode()])
    else:
        sqlite.execute_each(_statement(model, connection.vendor), list(map(_binder(model), ordered)))


@cache
def _binder(model: Model) -> Callable[[Row], tuple[Any, ...]]:
    """Returns the function from a row to what SQLite binds, in the order of the columns."""
    return function(
        "row",
        [f"return {', '.join(map(_bound, model._meta.concrete_fields))}"],
        json=texts.sqlite_json,
        moment=texts.sqlite_moment,
    )


def _bound(field: Any) -> str:
    value = f"row['{field.attname}']"
    if isinstance(field, models.UUIDField):
        return f"{value}.hex"
    if isinstance(field, models.JSONField):
        return f"json({value}) if {value} else '{{}}'"
    return f"moment({value})" if isinstance(field, models.DateTimeField) else value


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
