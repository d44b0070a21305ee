"""The only module that inserts usage rows, in the caller's transaction. A row that arrives twice is stored once.

PostgreSQL gets a batch as one JSON parameter and unpacks it itself. That takes 3 µs of this process per row and is as
fast as COPY, which takes 7 to 13 µs; VALUES of many rows take 118 µs. SQLite runs in this process and is slower at JSON
than at bound values (58 µs per row against 24), so values are bound, as many per statement as it has variables for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, models

from usage import sqlite
from usage.generated import function
from usage.journal import columns, texts
from usage.journal.records import AttemptRecord, RequestRecord, defaults
from usage.models import AttemptLog, RequestLog

Records = Sequence[RequestRecord] | Sequence[AttemptRecord]


def insert(requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord]) -> set[UUID]:
    """Inserts rows of both tables; rows that exist are not changed. Call it inside a transaction.

    Returns the ids of the requests and attempts that did not exist. Raises django.db.Error, or ValueError or
    OverflowError for values that no database accepts.
    """
    return insert_requests(requests) | insert_attempts(attempts)


def take_locks() -> None:
    """Takes the locks that inserts take: a test of whether rows can be written. On SQLite a transaction has them."""
    if connection.vendor == "postgresql":
        tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in (RequestLog, AttemptLog))
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN ROW EXCLUSIVE MODE")


def insert_requests(records: Sequence[RequestRecord]) -> set[UUID]:
    """Inserts RequestLog rows as `insert` does."""
    return _insert(RequestLog, RequestRecord, records)


def insert_attempts(records: Sequence[AttemptRecord]) -> set[UUID]:
    """Inserts AttemptLog rows as `insert` does; returns the ids of the attempts that did not exist."""
    return _insert(AttemptLog, AttemptRecord, records)


def statements(
    requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord], most_values: int
) -> list[tuple[str, Sequence[Any]]]:
    """Returns the statements that insert rows, with their values, for a thread without a connection to prepare.

    On SQLite each has `most_values` at most.
    """
    made: list[tuple[str, Sequence[Any]]] = []
    for model, record, records in ((RequestLog, RequestRecord, requests), (AttemptLog, AttemptRecord, attempts)):
        if connection.vendor == "postgresql":
            made.append((_json_statement(model, record), [_payload(records)]))
            continue
        read, width = _reader(model, record)
        most = most_values // width
        for at in range(0, len(records), most):
            chunk = records[at : at + most]
            values = list(chain.from_iterable(map(read, chunk)))
            made.append((_values_statement(model, record, len(chunk)), values))
    return [(statement.removesuffix(_RETURNING), values) for statement, values in made]


def _insert(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    if not records:
        return set()
    if connection.vendor == "postgresql":
        return _as_json(model, record, records)
    return _as_values(model, record, records)


def _columns(model: type[models.Model], record: type[msgspec.Struct]) -> list[Any]:
    """Returns the model's fields that a record has; other columns get their default."""
    return [field for field in model._meta.concrete_fields if field.attname in record.__struct_fields__]


def _into(model: type[models.Model], fields: Sequence[Any]) -> str:
    quote = connection.ops.quote_name
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"


_RETURNING = " RETURNING id"
_UNLESS_PRESENT = f"ON CONFLICT (id) DO NOTHING{_RETURNING}"


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _as_json(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_json_statement(model, record), [_payload(records)])
        return {identity for (identity,) in cursor.fetchall()}


def _payload(records: Records) -> str:
    payload = msgspec.json.encode(records)
    if rb"\u0000" in payload:
        # PostgreSQL accepts no NUL in a text.
        payload = msgspec.json.encode(texts.without_nul(msgspec.json.decode(payload)))
    return payload.decode()


@cache
def _json_statement(model: type[models.Model], record: type[msgspec.Struct]) -> str:
    """Returns the INSERT of all objects in a JSON array, in the order of ids so that two writers cannot deadlock."""
    quote = connection.ops.quote_name
    fields, left_out = _columns(model, record), defaults(record)
    values, types = [], []
    for field in fields:
        column, kind = quote(field.column), field.db_type(connection)
        value = column
        if isinstance(field, models.CharField):
            value, kind = f"left({column}, {field.max_length})", "text"
        if (default := left_out.get(field.attname)) is not None:
            value = f"COALESCE({value}, {columns.literal(default)})"
        values.append(value)
        # An object's keys are the record's field names, which are those of the columns: there are no foreign keys.
        types.append(f"{column} {kind}")
    source = f"SELECT {', '.join(values)} FROM json_to_recordset(%s) AS records({', '.join(types)}) ORDER BY id"  # noqa: S608
    return f"{_into(model, fields)} {source} {_UNLESS_PRESENT}"


# --- SQLite ----------------------------------------------------------------------------------------------------------


def _as_values(model: type[models.Model], record: type[msgspec.Struct], records: Records) -> set[UUID]:
    read, width = _reader(model, record)
    most = (connection.features.max_query_params or 999) // width
    new: set[UUID] = set()
    for at in range(0, len(records), most):
        chunk = records[at : at + most]
        values = list(chain.from_iterable(map(read, chunk)))
        found = sqlite.execute(_values_statement(model, record, len(chunk)), values)
        new |= {one.id for one in chunk} if len(found) == len(chunk) else {UUID(hex=identity) for (identity,) in found}
    return new


@cache
def _reader(model: type[models.Model], record: type[msgspec.Struct]) -> tuple[Callable[[Any], tuple[Any, ...]], int]:
    """Returns the function from a record to the values of its columns, and their number."""
    fields = _columns(model, record)
    values = (columns.converted(field, f"record.{field.attname}") for field in fields)
    return function("record", [f"return {', '.join(values)}"], **columns.converters(model)), len(fields)


@cache
def _values_statement(model: type[models.Model], record: type[msgspec.Struct], rows: int) -> str:
    fields = _columns(model, record)
    marks = f"({', '.join('?' * len(fields))})"
    return f"{_into(model, fields)} VALUES {', '.join([marks] * rows)} {_UNLESS_PRESENT}"
