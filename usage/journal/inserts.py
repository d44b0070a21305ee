"""The one place that inserts usage rows, in the caller's transaction. A row that arrives twice is one row.

PostgreSQL takes a batch as one JSON parameter and takes it apart itself: 3 µs of our CPU a row as fast as COPY; that
itself costs 7 to 13, multi-row VALUES 118. SQLite runs in our own process and is slower at JSON than at bound values
(58 µs a row against 24), so there values are bound, as many at once as it has variables for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, models

from usage.journal import texts
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import AttemptLog, RequestLog

Records = Sequence[RequestRecord] | Sequence[AttemptRecord]


def insert(requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord]) -> set[UUID]:
    """Insert rows of both tables; ids that are there already are left alone. Call it inside a transaction.

    Returns the ids of the requests that were not there before. Raises django.db.Error, or ValueError or OverflowError
    for what no database takes.
    """
    new = insert_requests(requests)
    insert_attempts(attempts)
    return new


def insert_requests(records: Sequence[RequestRecord]) -> set[UUID]:
    """Insert RequestLog rows as `insert` does."""
    return _insert(RequestLog, RequestRecord, records)


def insert_attempts(records: Sequence[AttemptRecord]) -> set[UUID]:
    """Insert AttemptLog rows as `insert` does; returns the ids of the attempts that were not there before."""
    return _insert(AttemptLog, AttemptRecord, records)


def _insert(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    if not records:
        return set()
    if connection.vendor == "postgresql":
        return _as_json(model, record, records)
    return _as_values(model, record, records)


def _columns(model: type[models.Model], record: type[msgspec.Struct]) -> list[Any]:
    """The model's fields that a record has, too; other columns keep their default."""
    return [field for field in model._meta.concrete_fields if field.attname in record.__struct_fields__]


def _into(model: type[models.Model], fields: Sequence[Any]) -> str:
    quote = connection.ops.quote_name
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"


_UNLESS_THERE = "ON CONFLICT (id) DO NOTHING RETURNING id"


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _as_json(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    payload = msgspec.json.encode(records)
    if rb"\u0000" in payload:
        # PostgreSQL takes a NUL in no text.
        payload = msgspec.json.encode(texts.without_nul(msgspec.to_builtins(records)))
    with connection.cursor() as cursor:
        cursor.execute(_json_statement(model, record), [payload.decode()])
        return {identity for (identity,) in cursor.fetchall()}


@cache
def _json_statement(model: type[models.Model], record: type[msgspec.Struct]) -> str:
    """INSERT of all objects in a JSON array, in the order of ids: so two writers of the same rows cannot deadlock."""
    quote = connection.ops.quote_name
    fields = _columns(model, record)
    values, types = [], []
    for field in fields:
        column, kind = quote(field.column), field.db_type(connection)
        if isinstance(field, models.CharField):
            values.append(f"left({column}, {field.max_length})")
            kind = "text"
        else:
            values.append(column)
        # An object's keys are the record's names, which are the columns' as there are no foreign keys.
        types.append(f"{column} {kind}")
    source = f"SELECT {', '.join(values)} FROM json_to_recordset(%s) AS records({', '.join(types)}) ORDER BY id"  # noqa: S608
    return f"{_into(model, fields)} {source} {_UNLESS_THERE}"


# --- SQLite ----------------------------------------------------------------------------------------------------------


def _as_values(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    read, converted, most = _reader(model, record)
    new: set[UUID] = set()
    with connection.cursor() as cursor:
        for at in range(0, len(records), most):
            chunk = records[at : at + most]
            values: list[Any] = []
            for one in chunk:
                row = list(read(one))
                for index, convert in converted:
                    row[index] = convert(row[index])
                values += row
            cursor.execute(_values_statement(model, record, len(chunk)), values)
            new |= {UUID(hex=identity) for (identity,) in cursor.fetchall()}
    return new


@cache
def _reader(
    model: type[models.Model], record: type[msgspec.Struct]
) -> tuple[Callable[[Any], tuple[Any, ...]], list[tuple[int, Callable[[Any], Any]]], int]:
    """What reads a record's columns, what makes SQLite's values of which of them, how many rows fit a statement."""
    fields = _columns(model, record)
    converted = [(index, convert) for index, field in enumerate(fields) if (convert := _converter(field))]
    most = (connection.features.max_query_params or 999) // len(fields)
    return attrgetter(*(field.attname for field in fields)), converted, most


def _converter(field: Any) -> Callable[[Any], Any] | None:
    # The values that Django stores, without asking its fields: that would cost more than the insert. The driver takes
    # numbers as they are, and money is pico-dollars already.
    if isinstance(field, models.UUIDField):
        return texts.sqlite_id
    if isinstance(field, models.DateTimeField):
        return texts.sqlite_moment
    if isinstance(field, models.JSONField):
        return texts.sqlite_json
    if isinstance(field, models.CharField):
        return texts.cutter(field.max_length or 0)
    return None


@cache
def _values_statement(model: type[models.Model], record: type[msgspec.Struct], rows: int) -> str:
    fields = _columns(model, record)
    marks = f"({', '.join(['%s'] * len(fields))})"
    return f"{_into(model, fields)} VALUES {', '.join([marks] * rows)} {_UNLESS_THERE}"
