"""Workers, as far as they look at the database, on a database of their own that can be taken away."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from routing.loading.store import SnapshotStore
from routing.watch.watcher import Watcher
from tests.harness import database
from tests.harness.patience import until
from tests.harness.rows import Rows


class Worker:
    """A snapshot with its thread."""

    def __init__(self) -> None:
        self.store = SnapshotStore()
        self.watcher = Watcher([self.store])

    @property
    def source(self) -> Any:
        """What says to it that something changed."""
        return self.watcher._source

    def knows(self, revisions: dict[str, int]) -> bool:
        """Whether its snapshot is that of these revisions."""
        return self.store.current is not None and self.store.current.revisions == revisions


class Workers:
    """All of them."""

    def __init__(self) -> None:
        self.all: list[Worker] = []

    def start(self, number: int = 2) -> list[Worker]:
        """Starts so many, which rely on what they are told as far as there is something to rely on."""
        made = [Worker() for _ in range(number)]
        for worker in made:
            worker.watcher.start()
        self.all += made
        return made

    def stop(self) -> None:
        """Ends all."""
        for worker in self.all:
            worker.watcher.stop()


@pytest.fixture
def workers(own_database: Rows) -> Iterator[Workers]:
    """Ended with the test."""
    made = Workers()
    try:
        yield made
    finally:
        made.stop()


def ask_elsewhere(sql: str) -> None:
    """Executes a statement in a database beside the present one of PostgreSQL."""
    import psycopg

    with psycopg.connect(database._server.url("postgres"), autocommit=True) as other:  # type: ignore[union-attr]
        other.execute(sql.encode())


@contextlib.contextmanager
def away() -> Iterator[None]:
    """The present database cannot be reached by anybody."""
    name = str(connection.settings_dict["NAME"])
    connection.close()
    if connection.vendor == "sqlite":
        moved = [Path(f"{name}{end}") for end in ("", "-wal", "-shm") if Path(f"{name}{end}").exists()]
        for path in moved:
            os.rename(path, f"{path}.away")
        try:
            yield
        finally:
            for path in reversed(moved):
                os.rename(f"{path}.away", path)
        return
    ask_elsewhere(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    end_connections(name)
    try:
        yield
    finally:
        ask_elsewhere(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def end_connections(name: str) -> None:
    """Ends all connections to a database of PostgreSQL."""
    ask_elsewhere(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def in_thread(work: Any) -> None:
    """Does something as another process would: with a connection of its own, which is closed."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def wait_until_reliable(workers: list[Worker]) -> None:
    """Until all rely on what they are told."""
    until(lambda: all(worker.source.is_reliable for worker in workers), "all to rely on notifications")
