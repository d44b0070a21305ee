"""A database of its own for each scenario, which can be taken away and given back under a running server."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import environ
import psycopg
from django.core.management import call_command
from django.db import connections

from tests.harness.postgresql import PostgreSQL


class Cluster(PostgreSQL):
    """A PostgreSQL that survives being stopped: what it has committed stays."""

    settings = ("fsync=off", "synchronous_commit=on", "full_page_writes=on")


class Database(Protocol):
    """What a scenario may do to its database."""

    url: str

    def away(self) -> contextlib.AbstractContextManager[None]:
        """No usage row can be written inside the block."""

    def execute(self, sql: Mapping[str, str]) -> None:
        """Run a script; one per vendor."""


class SQLiteFile:
    """A copy of a migrated file. It is away while another process's transaction has it."""

    def __init__(self, path: Path) -> None:
        # A writer waits for a lock that long before it is told that there is trouble.
        self.url = f"sqlite:///{path}?timeout=2"
        self._path = path

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    def execute(self, sql: Mapping[str, str]) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.executescript(sql["sqlite"])


class PostgreSQLDatabase:
    """A copy of a migrated database. It is away while its server is stopped."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.url = cluster.url(name)
        self._cluster = cluster

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        self._cluster.stop()
        try:
            yield
        finally:
            self._cluster.resume()

    @contextlib.contextmanager
    def path(self) -> Iterator[Path]:
        """A path of its own to the server, as `url_by` names it; whoever unlinks it has cut it for new connections."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o711)
            yield Path(folder) / "way"

    def url_by(self, path: Path) -> str:
        """The URL by a path of its own; makes the path, or mends it."""
        path.symlink_to(self._cluster.folder)
        return self.url.replace(str(self._cluster.folder), str(path))

    def cut(self, path: Path) -> None:
        """Ends every connection, and makes new ones by `path` impossible. Others can be made as ever."""
        path.unlink()
        connections["default"].close()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def execute(self, sql: Mapping[str, str]) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql["postgresql"].encode())


class Databases:
    """Makes them, from a template that is migrated once."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._cluster = Cluster(folder / "postgresql") if kind == "postgresql" else None
        self._made = 0

    def start(self) -> None:
        """Migrate the template."""
        self._folder.mkdir()
        if self._cluster is not None:
            os.chmod(self._folder, 0o711)
            self._cluster.start()
            self._sql('CREATE DATABASE "template"')
        with orm_on(self._url("template")):
            call_command("migrate", verbosity=0)
        if self._cluster is None:
            with contextlib.closing(sqlite3.connect(self._folder / "template.sqlite3")) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def stop(self) -> None:
        """End the PostgreSQL, if there is one."""
        if self._cluster is not None:
            self._cluster.stop()

    def make(self) -> Database:
        """A fresh migrated database."""
        self._made += 1
        name = f"chaos_{self._made}"
        if self._cluster is None:
            path = self._folder / f"{name}.sqlite3"
            shutil.copy(self._folder / "template.sqlite3", path)
            return SQLiteFile(path)
        self._sql(f'CREATE DATABASE "{name}" TEMPLATE "template"')
        return PostgreSQLDatabase(self._cluster, name)

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._folder}/{name}.sqlite3" if self._cluster is None else self._cluster.url(name)

    def _sql(self, statement: str) -> None:
        assert self._cluster is not None
        with psycopg.connect(self._cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def orm_on(url: str) -> Iterator[None]:
    """Django's default connection on another database of the same kind."""
    connection = connections["default"]
    connection.close()
    usual = dict(connection.settings_dict)
    wanted: dict[str, Any] = environ.Env.db_url_config(url)
    connection.settings_dict["NAME"] = wanted["NAME"]
    if "OPTIONS" in wanted:
        connection.settings_dict["OPTIONS"] = {**usual.get("OPTIONS", {}), **wanted["OPTIONS"]}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(usual)
