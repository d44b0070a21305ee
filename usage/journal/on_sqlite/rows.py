"""Inserts new rows of no known kind: a statement for each set of columns that are not their default."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from operator import is_not
from typing import Any, Final, NamedTuple

import msgspec
from django.db import models

from usage.generated import function
from usage.journal import columns
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import AttemptLog, RequestLog

_MOST = 40
"""Sets of columns that are kept for a table. The driver keeps 512 statements (proxysite.settings)."""


class _Shape(NamedTuple):
    """Which fields of a record differ from their default."""

    statement: str
    bound: Callable[[Sequence[Any]], tuple[Any, ...]]
    """bound(values): what the statement takes of a record's fields."""


class Rows:
    """The rows of one table."""

    def __init__(self, model: type[models.Model], record: type[msgspec.Struct]) -> None:
        self._model = model
        fields = msgspec.structs.fields(record)
        self._names = [field.name for field in fields]
        self._defaults = [field.default for field in fields]
        self._shapes: dict[tuple[bool, ...], _Shape] = {}

    def insert(self, cursor: sqlite3.Cursor, records: Iterable[msgspec.Struct]) -> None:
        """Inserts rows, none of which may be there. Raises sqlite3.Error, or OverflowError."""
        for record in records:
            values = msgspec.structs.astuple(record)
            differs = tuple(map(is_not, values, self._defaults))
            shape = self._shapes.get(differs) or self._made(differs)
            cursor.execute(shape.statement, shape.bound(values))

    def _made(self, differs: tuple[bool, ...]) -> _Shape:
        values: dict[str, str] = {}
        bound = []
        fields: dict[str, Any] = {field.attname: field for field in self._model._meta.concrete_fields}
        for at, (name, default, differing) in enumerate(zip(self._names, self._defaults, differs, strict=True)):
            field = fields.get(name)
            if field is None or (default is None and not differing):
                continue
            values[field.column] = "?" if differing else columns.literal(default)
            if differing:
                bound.append(columns.converted(field, f"values[{at}]"))
        table = self._model._meta.db_table
        statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608
        read = function("values", [f"return ({', '.join(bound)},)"], **columns.converters(self._model))
        if len(self._shapes) >= _MOST:
            self._shapes.clear()
        made = self._shapes[differs] = _Shape(statement, read)
        return made


REQUESTS: Final = Rows(RequestLog, RequestRecord)
ATTEMPTS: Final = Rows(AttemptLog, AttemptRecord)
