"""Kinds of records: those of one kind have the same value in every column but a few, and the others are unknown in all.

What bound values, conversions and look-ups cost is paid once for a kind: its INSERT has what all its rows share in its
text, and its rows of rollups are known. A kind is made of a record whose like has come before.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.db import models

from usage.generated import function
from usage.journal.columns import converted, converters
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import AttemptLog, RequestLog
from usage.rollups.cells import LARGEST
from usage.rollups.measures import SUMS

R = TypeVar("R", RequestRecord, AttemptRecord)

_MOST = 40
"""Kinds of a table that are kept. The driver keeps 512 statements (proxysite.settings)."""
_MOST_SEEN = 2048
_PAUSE = 60.0
"""Seconds in which no kind is forgotten for another: where every request is of its own kind, none is worth making."""
_TOGETHER = (32, 16, 8, 4, 2, 1)
"""Rows of a statement: to execute one costs as much as a row, and to parse one that is new as much as ten."""
_VALUES = " VALUES "
_OWN = {"id", "started_at", *SUMS, "time_to_first_token_ms", "duration_ms", "repriced_cost", "fidelity"}
_OWN_OF_REQUESTS = {*_OWN, "request_id", "session_id", "agent_id", "end_user", "tags", "decision"}
_OWN_OF_ATTEMPTS = {
    *_OWN, "request_log_id", "upstream_request_id", "time_to_connect_ms", "time_to_headers_ms", "dropped",
}  # fmt: skip
"""The columns of which rows of one kind have values of their own."""
_OF_JOURNAL = {"worker", "reserved", "drawn_from"}

Row = tuple[Any, ...]
"""All values of a record."""
Key = tuple[Any, ...]


class Kind:
    """Records that are alike. What is in `of_rollups` is known to be in the database; None is known of nothing."""

    __slots__ = ("_bound", "_statement", "_statements", "of_rollups")

    def __init__(self, statement: str, bound: Callable[[Row], tuple[Any, ...]]) -> None:
        self._statement = statement
        self._statements: dict[int, str] = {1: statement}
        self._bound = bound
        self.of_rollups: Any = None

    def insert(self, cursor: sqlite3.Cursor, rows: Sequence[Row]) -> None:
        """Inserts rows, none of which may be there. Raises sqlite3.Error, or OverflowError."""
        if len(rows) == 1:
            cursor.execute(self._statement, self._bound(rows[0]))
            return
        bound, at = list(map(self._bound, rows)), 0
        for size in _TOGETHER:
            while len(bound) - at >= size:
                cursor.execute(self._of(size), list(chain.from_iterable(bound[at : at + size])))
                at += size

    def _of(self, rows: int) -> str:
        """Returns the statement for so many rows."""
        made = self._statements.get(rows)
        if made is None:
            into, values = self._statement.split(_VALUES, 1)
            made = self._statements[rows] = f"{into}{_VALUES}{', '.join([values] * rows)}"
        return made


class Group(Generic[R]):
    """Records of one kind, with their rows."""

    __slots__ = ("kind", "records", "rows", "span")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.records: list[R] = []
        self.rows: list[Row] = []
        self.span: Any = None
        """The first and the last moment, as who counts them finds them."""


class Table(Generic[R]):
    """The kinds of one table's records."""

    def __init__(self, model: type[models.Model], record: type[R], own: set[str]) -> None:
        self._model = model
        columns: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
        names = [field.name for field in msgspec.structs.fields(record)]
        shared = [at for at, name in enumerate(names) if name not in own | _OF_JOURNAL]
        self._shared = {at: columns[names[at]] for at in shared}
        self._own = {at: columns[name] for at, name in enumerate(names) if name in own}
        first, end = shared[0], shared[-1] + 1
        if shared != list(range(first, end)):
            raise TypeError("the fields that records have in common must stand beside each other, ids last")
        # A UUID's own hash takes ten times as long as that of its number.
        ids = [at for at, field in self._shared.items() if isinstance(field, models.UUIDField)]
        end -= len(ids)
        nullable = [at for at, field in self._own.items() if field.null]
        self._texts = [at for at, field in self._own.items() if not field.null and field.blank]
        parts = [f"row[{first}:{end}]"] + [f"row[{at}] and row[{at}].int" for at in ids]
        parts += [f"row[{at}] is None" for at in nullable] + [f"not row[{at}]" for at in self._texts]
        self._read: Callable[[R], tuple[Key, Row]] = function(
            "record", ["row = values(record)", f"return ({', '.join(parts)}), row"], values=msgspec.structs.astuple
        )
        self._kinds: dict[Key, Kind] = {}
        self._seen: set[Key] = set()
        self._binders: dict[tuple[int, ...], Callable[[Row], tuple[Any, ...]]] = {}
        self._full_at = 0.0

    def split(self, records: Iterable[R]) -> tuple[list[Group[R]], list[R]]:
        """Returns records by their kinds, and those whose kind is not known."""
        read, kinds = self._read, self._kinds
        groups: dict[Kind, Group[R]] = {}
        others: list[R] = []
        latest, group = None, None
        for record in records:
            key, row = read(record)
            # Most are of the kind of the one before, and to compare is cheaper than to look up.
            if group is None or key != latest:
                kind = kinds.get(key) or self._noticed(key, row)
                if kind is None:
                    others.append(record)
                    continue
                latest, group = key, groups.get(kind)
                if group is None:
                    group = groups[kind] = Group(kind)
            group.records.append(record)
            group.rows.append(row)
        return list(groups.values()), others

    def forget_rollups(self) -> None:
        """What is in the database is known no longer."""
        for kind in self._kinds.values():
            kind.of_rollups = None

    def _noticed(self, key: Key, row: Row) -> Kind | None:
        """Returns the new kind of a record whose like has come before."""
        if any(type(value) is int and not -LARGEST <= value <= LARGEST for value in key[0]):
            # Bound, it is refused; in a statement's text it would be a float.
            return None
        if key not in self._seen:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen.add(key)
            return None
        if len(self._kinds) >= _MOST:
            if time.monotonic() - self._full_at < _PAUSE:
                return None
            self._full_at = time.monotonic()
            self._kinds.clear()
            self._binders.clear()
        made = self._kinds[key] = self._made(row)
        return made

    def _made(self, row: Row) -> Kind:
        columns: dict[str, str] = {}
        convert = converters(self._model)
        for at, field in self._shared.items():
            if row[at] is not None:
                columns[field.column] = _literal(convert, field, row[at])
        bound = []
        for at, field in self._own.items():
            if at in self._texts and not row[at]:
                columns[field.column] = "''"
            elif row[at] is not None:
                columns[field.column] = "?"
                bound.append(at)
        values = ", ".join(columns.values())
        statement = f"INSERT INTO {self._model._meta.db_table} ({', '.join(columns)}){_VALUES}({values})"
        return Kind(statement, self._binder(tuple(bound)))

    def _binder(self, bound: tuple[int, ...]) -> Callable[[Row], tuple[Any, ...]]:
        """Returns the function from a row to what is bound of its values at some places."""
        made = self._binders.get(bound)
        if made is None:
            values = (converted(self._own[at], f"row[{at}]") for at in bound)
            made = function("row", [f"return ({', '.join(values)},)"], **converters(self._model))
            self._binders[bound] = made
        return made


def _literal(convert: dict[str, Callable[[Any], Any]], field: Any, value: Any) -> str:
    """Returns a shared value as SQL."""
    if isinstance(value, UUID):
        return f"'{value.hex}'"
    if isinstance(value, str):
        stored = convert[f"cut_{field.max_length}"](value).replace("'", "''")
        return f"'{stored}'"
    return str(int(value))


def of_requests() -> Table[RequestRecord]:
    """Returns a table for requests of which no kind is known."""
    return Table(RequestLog, RequestRecord, _OWN_OF_REQUESTS)


def of_attempts() -> Table[AttemptRecord]:
    """Returns a table for attempts of which no kind is known."""
    return Table(AttemptLog, AttemptRecord, _OWN_OF_ATTEMPTS)
