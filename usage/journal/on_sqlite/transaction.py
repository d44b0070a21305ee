"""A batch of new rows, their rollups and what budgets have spent of them, in one transaction of the driver's own.

Django's transaction and its cursors cost more than the statements of a row that is alone. What is usual is done here;
for all else `add` changes nothing and says so, and the writer takes the longer way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections

from usage.budgets import spending
from usage.journal.on_sqlite import bins, kinds, rows
from usage.journal.on_sqlite.rollups import Rollups
from usage.journal.on_sqlite.sums import Gone
from usage.journal.records import Finished


class NewRows:
    """Adds batches in the thread that makes it."""

    def __init__(self) -> None:
        # To ask for the thread's connection costs as much as to insert a row.
        self._used: Any = connections[DEFAULT_DB_ALIAS]
        self._raw: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._requests, self._attempts = kinds.of_requests(), kinds.of_attempts()
        self._rollups = Rollups()

    def add(self, batch: Sequence[Finished]) -> bool:
        """Adds a batch of which no row is in the database. Returns False, with nothing added, if one is there, or if
        the database rejects one. Raises OperationalError or InterfaceError while it is unavailable."""
        cursor = self._opened()
        if cursor is None:
            return False
        requests = [request for request, _ in batch]
        attempts = [attempt for _, made in batch for attempt in made]
        by_kind, of_attempts = self._requests.split(requests), self._attempts.split(attempts)
        try:
            with self._used.wrap_database_errors:
                cursor.execute("BEGIN IMMEDIATE")
                _insert(cursor, *by_kind, rows.REQUESTS)
                _insert(cursor, *of_attempts, rows.ATTEMPTS)
                self._rollups.add(cursor, by_kind, of_attempts)
                if cursor.execute(spending.ANY).fetchone() is not None:
                    spending.add(requests, attempts)
                cursor.execute("COMMIT")
        except (OperationalError, InterfaceError):
            raise
        except (DatabaseError, ValueError, OverflowError, Gone):
            self._rollups.forget()
            self._requests.forget_rollups()
            self._attempts.forget_rollups()
            return False
        finally:
            if cursor.connection.in_transaction:
                cursor.connection.rollback()
        self._rollups.learn()
        return True

    def _opened(self) -> sqlite3.Cursor | None:
        """Returns the cursor of the connection; None on another database, or inside a transaction of Django's."""
        used = self._used
        if used.vendor != "sqlite" or used.in_atomic_block:
            return None
        if used.connection is None:
            used.ensure_connection()
        if used.connection is not self._raw:
            self._raw = used.connection
            bins.teach(used.connection)
            self._cursor = sqlite3.Cursor(used.connection)
        return self._cursor


def _insert(
    cursor: sqlite3.Cursor, groups: Sequence[kinds.Group[Any]], others: Sequence[Any], table: rows.Rows
) -> None:
    for group in groups:
        group.kind.insert(cursor, group.rows)
    table.insert(cursor, others)
