"""A change of the configuration holds in every worker within a second: on both databases, and whatever happens to what
says so to the workers."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from access.models import Team
from routing.loading import revision
from routing.models import Route
from routing.watch import listening, triggers
from tests.harness import database
from tests.harness.patience import at_best, until
from tests.harness.rows import Rows
from tests.routing.watch.conftest import Worker, Workers, away, end_connections, in_thread, wait_until_reliable

pytestmark = [pytest.mark.both_databases, pytest.mark.database]
_names = itertools.count(1)

on_postgresql = pytest.mark.skipif(database.KIND != "postgresql", reason="PostgreSQL's notifications")
on_sqlite = pytest.mark.skipif(database.KIND != "sqlite", reason="the file of SQLite")


def _change() -> None:
    Route.objects.create(name=f"route-{next(_names)}")


def _takes(workers: list[Worker], change: Callable[[], object] = _change) -> float:
    """The seconds from a change until all know it."""
    began = time.monotonic()
    change()
    wanted = revision.numbers()
    until(lambda: all(worker.knows(wanted) for worker in workers), "all to know it")
    return time.monotonic() - began


def test_a_change_holds_in_every_worker(workers: Workers) -> None:
    made = workers.start()
    at_best(1.0, lambda: _takes(made))
    wait_until_reliable(made)
    at_best(1.0, lambda: _takes(made))
    # Of client keys as of routes, and what a query changes as what a form does.
    at_best(1.0, lambda: _takes(made, lambda: Team.objects.create(name=f"team-{next(_names)}")))
    at_best(1.0, lambda: _takes(made, lambda: Route.objects.update(notes=f"{next(_names)}")))


def test_a_change_holds_after_the_database_was_away(workers: Workers) -> None:
    made = workers.start()
    wait_until_reliable(made)

    def outage() -> float:
        with away():
            until(lambda: all(worker.store.status.error for worker in made), "all to notice")
        _change()
        until(lambda: all(worker.store.status.error is None for worker in made), "all to read it again")
        return _takes(made)

    at_best(1.0, outage)
    wait_until_reliable(made)
    at_best(1.0, lambda: _takes(made))


def test_a_snapshot_is_fresh_while_nothing_changes(workers: Workers) -> None:
    (worker,) = workers.start(1)
    wait_until_reliable([worker])
    checked_at = worker.store.checked_at
    assert checked_at is not None
    until(lambda: (worker.store.checked_at or 0) > checked_at, "another look at the database")
    assert (worker.store.age or 0) < 10


@on_postgresql
def test_a_change_holds_after_the_listening_connection_is_lost(workers: Workers) -> None:
    made = workers.start()
    wait_until_reliable(made)
    name = str(connection.settings_dict["NAME"])

    def lost() -> float:
        connection.close()
        end_connections(name)
        return _takes(made)

    at_best(1.0, lost)
    wait_until_reliable(made)
    at_best(1.0, lambda: _takes(made))


@on_postgresql
def test_a_change_holds_where_no_notification_arrives(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    # As behind a pooler of transactions: LISTEN succeeds, and nothing ever comes.
    monkeypatch.setattr(listening.Listening, "_listen_on", lambda self: "LISTEN of_nobody")
    made = workers.start()
    at_best(1.0, lambda: _takes(made))
    until(lambda: all(worker.source._tries > 1 for worker in made), "all to have tried again")
    assert not any(worker.source.is_reliable for worker in made)
    at_best(1.0, lambda: _takes(made))


@on_postgresql
def test_a_change_without_a_notification_is_found_and_ends_the_reliance(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "CALM", 0.2)
    (worker,) = workers.start(1)
    wait_until_reliable([worker])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE routing_revision DISABLE TRIGGER notify_routing_revision")
    _takes([worker])
    until(lambda: "a change was not notified of" in caplog.text, "a word about it")
    at_best(1.0, lambda: _takes([worker]))
    assert not worker.source.is_reliable
    triggers.install()
    worker.source._try_at = 0.0
    wait_until_reliable([worker])


@on_sqlite
def test_a_file_that_takes_the_place_of_the_database_is_read(workers: Workers) -> None:
    (worker,) = workers.start(1)
    name = str(connection.settings_dict["NAME"])
    connection.close()
    shutil.copy(database.database_name("migrated"), f"{name}.other")
    with database.connected_to(os.path.basename(name).removesuffix(".sqlite3")):
        connection.settings_dict["NAME"] = f"{name}.other"
        Route.objects.create(name="of-the-other")
        connection.close()
    for end in ("-wal", "-shm"):
        if os.path.exists(f"{name}{end}"):
            os.unlink(f"{name}{end}")
    os.rename(f"{name}.other", name)
    until(lambda: worker.store.current is not None and "of-the-other" in worker.store.current.routes, "the other one")


@on_sqlite
def test_a_database_that_is_gone_is_not_made_anew(workers: Workers) -> None:
    (worker,) = workers.start(1)
    with away():
        until(lambda: "is gone" in str(worker.store.status.error), "to notice")
        assert not Path(str(connection.settings_dict["NAME"])).exists()
    until(lambda: worker.store.status.error is None, "to read it again")


def test_triggers_are_there_after_migrations_and_are_made_once(own_database: Rows) -> None:
    triggers.install()
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'notify_%%'")
        assert {table for (table,) in cursor.fetchall()} == set(triggers.TABLES)
        # Beside a transaction that writes, because nothing is to be made.
        cursor.execute("BEGIN")
        cursor.execute("UPDATE routing_revision SET number = number")
        in_thread(triggers.install)
        cursor.execute("ROLLBACK")
