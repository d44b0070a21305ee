"""The order between transactions that add spend to windows and those that create windows.

A new window starts with the sum over rows that are there. Were a batch inserted meanwhile, neither side would see the
other's: its spend would be missing. So writers share a lock that whoever creates a window has alone. SQLite has one
writer at a time and needs none.
"""

from __future__ import annotations

from django.db import connection

_ADVISORY_KEY = 0x62756467  # "budg": any number that nothing else locks

_OPENING_KEY = 0x6F70656E  # "open"


def for_spending() -> None:
    """Keeps windows from being created until the transaction ends; other writers go on. What is read of windows
    afterwards, in another statement, is complete."""
    _take("pg_advisory_xact_lock_shared")


def for_new_windows() -> None:
    """Waits for the writers of usage rows that have come to their spend, and keeps others waiting until the transaction
    ends."""
    _take("pg_advisory_xact_lock")


def try_for_opening() -> bool:
    """Returns whether nobody else is making all windows ahead, and keeps others from it until the transaction ends."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_OPENING_KEY])
        return bool(cursor.fetchone()[0])


def _take(function: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [_ADVISORY_KEY])
