"""The one place that inserts usage rows. A row that arrives twice is one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from usage.models import AttemptLog, RequestLog
from usage.money import DollarsField
from usage.records import AttemptRecord, RequestRecord

Convert = Callable[[Any], Any]


def insert_requests(records: Sequence[RequestRecord]) -> None:
    """Insert RequestLog rows; ids that are there already are left alone. Raises django.db.Error."""
    _insert(RequestLog, records)


def insert_attempts(records: Sequence[AttemptRecord]) -> None:
    """Insert AttemptLog rows; ids that are there already are left alone. Raises django.db.Error."""
    _insert(AttemptLog, records)


def _insert(model: type[models.Model], records: Sequence[RequestRecord] | Sequence[AttemptRecord]) -> None:
    sql, columns = _statement(model, connection.vendor)
    rows = [
        [getattr(record, name) if convert is None else convert(getattr(record, name)) for name, convert in columns]
        for record in records
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


@cache
def _statement(model: type[models.Model], vendor: str) -> tuple[str, list[tuple[str, Convert | None]]]:
    """The INSERT of a model, and for each column the record's field and what turns it into the database's value."""
    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
    return sql, [(field.attname, _converter(field)) for field in fields]


def _converter(field: Any) -> Convert | None:
    # Most columns hold what the driver takes as it is, and money is pico-dollars already; asking each field would
    # cost more than the insert.
    if isinstance(field, DollarsField):
        return None
    if isinstance(field, models.UUIDField | models.DateTimeField | models.JSONField):
        return lambda value: field.get_db_prep_save(value, connection)
    if isinstance(field, models.CharField):
        longest = field.max_length or 0
        return lambda value: value[:longest].replace("\0", "")
    return None
