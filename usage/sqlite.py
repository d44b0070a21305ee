"""Statements in SQLite's own form.

Django looks for its marks in the text of each statement, and that takes longer than to write a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import NoneType
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

_PAGES = -256 * 1024
"""KiB, as a negative number of pages."""
_VALUES = 5_000
"""Per statement. SQLite takes more, but parses the last one of a batch, which has a length of its own, each time anew:
with as many as it takes, a row costs twice the time."""

# Of what is bound, the driver asks for an adapter unless it is a number or a text, and where there is none it makes and
# drops an exception: 1,500 instructions for each None, of which a row has thirty. These two return what they get.
_none: Callable[[None], str | None] = {None: None}.get  # of None is None
sqlite3.register_adapter(NoneType, _none)
sqlite3.register_adapter(bool, int)


def execute(statement: str, values: Sequence[Any]) -> list[Any]:
    """Executes a statement with `?` for each value; returns its rows. Raises django.db.Error."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        sqlite3.Cursor.execute(cursor.cursor, statement, values)
        return sqlite3.Cursor.fetchall(cursor.cursor)


def finds_none(statement: str) -> bool:
    """Returns whether the database is SQLite and a statement without values finds nothing, in the caller's transaction.

    It takes the connection once and no cursor of Django's, which cost more than the statement. Raises django.db.Error.
    """
    used = connections[DEFAULT_DB_ALIAS]
    if used.vendor != "sqlite":
        return False
    with used.wrap_database_errors:
        return used.connection.execute(statement).fetchone() is None


def execute_each(statements: Iterable[tuple[str, Sequence[Sequence[Any]]]]) -> None:
    """Executes each statement for each of its rows of values, with one cursor: to open one takes Django as long as
    SQLite takes to change a row. Raises django.db.Error."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        for statement, rows in statements:
            sqlite3.Cursor.executemany(cursor.cursor, statement, rows)


def execute_any(statement: str, values: Sequence[Any]) -> int:
    """Executes a statement in the form of the database that is used; returns the number of rows it wrote."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute(statement, values)
            return int(cursor.rowcount)
        with connection.wrap_database_errors:
            sqlite3.Cursor.execute(cursor.cursor, statement, values)
            return int(cursor.cursor.rowcount)


def most_values() -> int:
    """Returns how many values a statement of many rows should have."""
    if connection.vendor != "sqlite":
        return 0
    connection.ensure_connection()
    limit: int = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
    return min(limit, _VALUES)


@contextmanager
def much_memory() -> Iterator[None]:
    """Lets SQLite keep far more pages than usual: ids of rollups are anywhere in their index."""
    if connection.vendor != "sqlite":
        yield
        return
    (usual,), *_ = execute("PRAGMA cache_size", ())
    execute(f"PRAGMA cache_size = {_PAGES}", ())
    try:
        yield
    finally:
        execute(f"PRAGMA cache_size = {usual}", ())
