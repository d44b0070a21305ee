"""A pytest plugin, loaded before Django's settings: the environment of a test run and the database it runs on.

TEST_DATABASE=sqlite (the default) or postgresql, a real server that is started here and stopped at the end. The closing
lines say how many tests ran on which database. Nothing of the caller's own configuration reaches a test.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import secrets
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.harness import summary
from tests.harness.postgresql import PostgreSQL, PostgreSQLMissing

FOLDER = Path(tempfile.mkdtemp(prefix="proxysite-tests-"))
KIND = os.environ.get("TEST_DATABASE", "sqlite")
LIVE_NAME = "live"
"""The database of the servers that tests start. It is another one than that of the tests with rolled-back rows: what a
running server commits stays, and no other test may see it."""
_MIGRATED = "migrated"
"""A database that nobody has written to since it was migrated: the others are copies of it."""

_FOREIGN = ("API_KEY", "UPSTREAM_URL", "_proxy", "_PROXY", "ANTHROPIC_", "CLAUDE_", "OLLAMA_", "DJANGO_", "DEMO_")
_PROVIDERS = ("OPENROUTER", "ANTHROPIC", "OPENAI", "GEMINI", "DEEPSEEK", "MISTRAL", "GROQ")
_PROVIDER_KEYS = (*(f"{name}_API_KEY" for name in _PROVIDERS), "OLLAMA_BASE_URL")

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_ASKED_FOR = {"db", "transactional_db", "django_db_setup", "live_database", "databases", "restored"}
"""Fixtures behind which there is a database."""

_server: PostgreSQL | None = None
_live = LIVE_NAME
_copies = itertools.count(1)


def live_url() -> str:
    """DATABASE_URL of the running servers' database, or of a test's own."""
    return f"sqlite:///{database_name(_live)}" if _server is None else _server.url(_live)


def database_name(name: str) -> str:
    """What Django calls a database beside the usual one in `DATABASES`."""
    return f"{FOLDER}/{name}.sqlite3" if _server is None else name


def _set_environment() -> None:
    for name in list(os.environ):
        if any(part in name for part in _FOREIGN):
            del os.environ[name]
    # Empty and not absent: a developer's .env fills in what is absent.
    os.environ.update(dict.fromkeys(_PROVIDER_KEYS, ""))
    os.environ.update(
        SECRET_KEY="tests-" + secrets.token_hex(32),
        # The row of a request is looked for right after its answer.
        USAGE_LINGER="0",
        ENCRYPTION_KEYS=Fernet.generate_key().decode(),
        DATA_DIR=str(FOLDER),
        DATABASE_URL=f"sqlite:///{FOLDER}/gateway.sqlite3" if _server is None else _server.url("postgres"),
        DEBUG="false",
        HTTPS="false",
        DEMO_UPSTREAM="false",
        LOG_LEVEL="INFO",
        LOG_FORMAT="text",
        ALLOWED_HOSTS="127.0.0.1,localhost",
        PUBLIC_URL="",
        NO_PROXY="127.0.0.1,localhost",
    )


@atexit.register
def _clean_up() -> None:
    """Also where pytest's own hooks are not reached, such as after a conftest that cannot be imported."""
    if _server is not None:
        _server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


def _start() -> None:
    global _server
    # Ctrl-C ends the run also where a shell runs it in the background, and so does SIGTERM: servers are stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if KIND not in {"sqlite", "postgresql"}:
        raise pytest.UsageError(f"TEST_DATABASE is {KIND!r}: write sqlite or postgresql.")
    if KIND == "postgresql":
        _server = PostgreSQL(FOLDER / "postgresql")
        try:
            _server.start()
        except PostgreSQLMissing as missing:
            raise pytest.UsageError(str(missing)) from missing
    _set_environment()


_start()


def _title() -> str:
    if _server is None:
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}"
    import psycopg

    with psycopg.connect(_server.url("postgres")) as connection:
        version = connection.execute("SHOW server_version").fetchone()
    return f"PostgreSQL {version[0].split()[0] if version else ''}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a database, before marks choose, and write into each test's report on which one it runs."""
    for item in items:
        marked = item.get_closest_marker("django_db") or item.get_closest_marker("database")
        asks = marked or _ASKED_FOR & set(getattr(item, "fixturenames", ()))
        if asks:
            item.add_marker("database")
        item.user_properties.append((summary.DATABASE, _NAMES[KIND] if asks else "no database"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests ran on which database."""
    ran = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    counts = Counter(dict(report.user_properties).get(summary.DATABASE) for report in ran)
    none = f", {counts['no database']} that ask for none" if counts["no database"] else ""
    terminalreporter.write_line(f"{_title()}: {counts[_NAMES[KIND]]} tests{none}")


@contextlib.contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Django's default connection on the database of that name, as in a shell of another process."""
    from django.db import connections

    connection = connections["default"]
    if connection.in_atomic_block:
        raise RuntimeError("a test has either `db` or a database of another name, not both")
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database_name(name)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def live_connection() -> contextlib.AbstractContextManager[None]:
    """Django's default connection on the running servers' database."""
    return connected_to(LIVE_NAME)


@contextlib.contextmanager
def own_database() -> Iterator[None]:
    """The connection, and every server that is made meanwhile, on a database to which nobody else has ever written."""
    global _live
    _live = f"own{next(_copies)}"
    try:
        _copy(_MIGRATED, _live)
        with connected_to(_live):
            yield
    finally:
        _live = LIVE_NAME


def create_database(name: str, sql: str = "") -> None:
    """Make a database and run statements in it."""
    if _server is None:
        import sqlite3

        with contextlib.closing(sqlite3.connect(database_name(name))) as sqlite:
            sqlite.executescript(sql)
        return
    import psycopg

    with psycopg.connect(_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(_server.url(name)) as connection:
        connection.execute(sql.encode())


def create_live_database() -> None:
    """Make and migrate the running servers' database."""
    from django.core.management import call_command

    create_database(_MIGRATED)
    with connected_to(_MIGRATED):
        call_command("migrate", verbosity=0)
    _copy(_MIGRATED, LIVE_NAME)


def _copy(source: str, name: str) -> None:
    """Copy a database to which nobody is connected."""
    if _server is None:
        shutil.copy(database_name(source), database_name(name))
        return
    import psycopg

    with psycopg.connect(_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'.encode())
