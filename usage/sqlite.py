"""Statements in SQLite's own form.

Django looks for its marks in the text of each statement, and that takes longer than to write a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.db import connection


def execute(statement: str, values: Sequence[Any]) -> list[Any]:
    """Executes a statement with `?` for each value; returns its rows. Raises django.db.Error."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        sqlite3.Cursor.execute(cursor.cursor, statement, values)
        return sqlite3.Cursor.fetchall(cursor.cursor)


def execute_each(statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Executes a statement for each row of values. Raises django.db.Error."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        sqlite3.Cursor.executemany(cursor.cursor, statement, rows)
