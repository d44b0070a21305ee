"""How large the database is. Functions raise django.db.Error; none of them reads a table's rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import connection

MOST_TABLES: Final = 12
_SIZES: Final = """
SELECT COALESCE(parent.relname, part.relname), part.relname, parent.relname IS NOT NULL, part.reltuples::bigint,
       pg_table_size(part.oid), pg_indexes_size(part.oid)
FROM pg_class part JOIN pg_namespace space ON space.oid = part.relnamespace
LEFT JOIN pg_inherits ON inhrelid = part.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
WHERE part.relkind = 'r' AND space.nspname = current_schema()
"""


class Table(msgspec.Struct):
    """A table, or a month of one. `rows` is the planner's estimate, None where it has none; sizes are bytes."""

    name: str
    rows: int | None
    table_bytes: int
    index_bytes: int
    months: list[Table] = []

    @property
    def bytes(self) -> int:
        """All that it takes."""
        return self.table_bytes + self.index_bytes


class Database(msgspec.Struct):
    """`free_bytes`: of a SQLite file, which are used again; `log_bytes`: of the file beside it with recent writes."""

    vendor: str
    version: str
    bytes: int
    free_bytes: int | None = None
    log_bytes: int | None = None
    tables: list[Table] = []
    left_out: int = 0


def measure() -> Database:
    """Returns the size of the database, and on PostgreSQL its largest tables with their months."""
    return _postgresql() if connection.vendor == "postgresql" else _sqlite()


def _sqlite() -> Database:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()")
        (version,) = cursor.fetchone()
        counts = []
        for pragma in ("page_size", "page_count", "freelist_count"):
            cursor.execute(f"PRAGMA {pragma}")
            counts.append(int(cursor.fetchone()[0]))
    size, pages, free = counts
    log = Path(f"{settings.DATABASES['default']['NAME']}-wal")
    return Database(
        "SQLite", version, size * pages, free_bytes=size * free, log_bytes=log.stat().st_size if log.is_file() else None
    )


def _postgresql() -> Database:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_database_size(current_database())")
        version, size = cursor.fetchone()
        cursor.execute(_SIZES)
        rows = cursor.fetchall()
    tables: dict[str, Table] = {}
    for owner, name, is_part, estimate, table_bytes, index_bytes in rows:
        one = Table(name, estimate if estimate >= 0 else None, table_bytes, index_bytes)
        if not is_part:
            tables[name] = one
            continue
        whole = tables.setdefault(owner, Table(owner, 0, 0, 0, []))
        whole.rows = None if whole.rows is None or one.rows is None else whole.rows + one.rows
        whole.table_bytes += one.table_bytes
        whole.index_bytes += one.index_bytes
        whole.months.append(one)
    for table in tables.values():
        table.months.sort(key=lambda month: month.name, reverse=True)
    largest = sorted(tables.values(), key=lambda table: (-table.bytes, table.name))
    return Database(
        "PostgreSQL",
        version,
        size,
        tables=largest[:MOST_TABLES],
        left_out=max(0, len(largest) - MOST_TABLES),
    )
