"""The database away, the journal's disk full, and both: streams go on, rows wait, and none is lost."""

from __future__ import annotations

import resource
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from access.models import ClientKey
from tests.chaos import tally
from tests.chaos.arena import ENDLESS, Arena, Server
from tests.chaos.databases import PostgreSQLDatabase, SQLiteFile
from tests.chaos.driver import Call
from tests.chaos.plan import Act
from tests.harness.call import Answer, Client
from tests.harness.configure import Key, make_key
from tests.harness.patience import until
from tests.harness.programs import find
from usage.models import Outcome

STEADY = Act(words=20, pause=0.15)
"""A stream of three seconds."""


OUTAGE = 60.0 if tally.LONG else 4.0
"""Seconds."""


def test_the_database_goes_away_under_load_and_comes_back(arena: Arena) -> None:
    server = arena.serve()
    with arena.driver.load(arena.short_plans(), at_once=10):
        time.sleep(1)
        across = arena.driver.send(arena.plan(act=STEADY) for _ in range(10))
        arena.driver.wait(across, until="speaking")
        with arena.database.away():
            time.sleep(OUTAGE)
            during = arena.driver.send(arena.plan() for _ in range(10))
            arena.driver.wait([*across, *during])
        time.sleep(1)
    # Nobody but the log noticed.
    assert all(call.finished for call in arena.driver.calls), [c for c in arena.driver.calls if not c.finished][:3]
    rows = arena.prove()
    assert {row.outcome for row in rows.requests.values()} == {Outcome.COMPLETED}
    assert "the database takes no usage rows" in server.logs()
    until(lambda: "the database takes usage rows again" in server.logs(), "a word about it")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_rows_that_wait_for_the_database_survive_the_server(ending: signal.Signals, arena: Arena) -> None:
    server = arena.serve(DRAIN_DEADLINE="1")
    with arena.database.away():
        running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(5))
        finished = arena.driver.send(arena.plan() for _ in range(30))
        arena.driver.wait(running, until="speaking")
        arena.driver.wait(finished)
        arena.wait_journaled(call.plan for call in finished)
        server.signal(ending)
        arena.killed.append(time.monotonic())
        assert server.wait_exit() == (-ending if ending == signal.SIGKILL else 0)
        assert arena.segments(), "nothing was kept"
    arena.serve()
    rows = arena.prove()
    assert {rows.requests[call.request_id].outcome for call in finished} == {Outcome.COMPLETED}
    assert {rows.requests[call.request_id].outcome for call in running} == {Outcome.INTERRUPTED}


def test_the_journal_is_full_and_rows_go_to_the_database(arena: Arena) -> None:
    small = arena.folder / "small"
    small.mkdir()
    # A disk of the server's own, in namespaces of its own: nothing is left of it when the server ends.
    mount = (
        f"mount -t tmpfs -o size=256k small {shlex.quote(str(small))} && exec {shlex.quote(sys.executable)} manage.py"
    )
    program = [str(find("unshare")), "--user", "--map-root-user", "--mount", "sh", "-c", f'{mount} "$@"', "sh"]
    server = arena.serve(program=program, JOURNAL_DIR=str(small / "journal"))
    disk = Path(f"/proc/{server.pid}/root") / small.relative_to("/")
    with arena.driver.load(arena.short_plans(), at_once=10):
        time.sleep(1)
        across = arena.driver.send(arena.plan(act=STEADY) for _ in range(10))
        arena.driver.wait(across, until="speaking")
        with pytest.raises(OSError, match="No space left"):
            (disk / "filler").write_bytes(bytes(1024 * 1024))
        until(lambda: "the journal cannot be written" in server.logs(), "a word about the full disk")
        time.sleep(10 if tally.LONG else 1)
        arena.driver.wait(across)
        during = arena.driver.send(arena.plan() for _ in range(10))
        arena.driver.wait(during)
        # With the disk full, they are in the database nevertheless.
        asked = {call.request_id for call in [*across, *during]}
        until(lambda: asked <= arena.rows().requests.keys(), "rows that are written directly")
        (disk / "filler").unlink()
        until(lambda: "the journal can be written again" in server.logs(), "a word about the disk")
    assert all(call.finished for call in arena.driver.calls)
    assert server.stop() == 0
    arena.prove()


def _asked(arena: Arena, done: Callable[[Call], bool]) -> Call:
    """Send one request after the other until `done` with one."""
    calls: list[Call] = []

    def is_done() -> bool:
        calls.extend(arena.driver.send([arena.plan()]))
        arena.driver.wait(calls[-1:])
        time.sleep(0.05)
        return done(calls[-1])

    until(is_done, lambda: f"it came to nothing: {calls[-1]}")
    return calls[-1]


def _refused(call: Call) -> bool:
    return call.status == 529 and b"neither the usage journal nor the database" in call.text


def test_without_journal_and_database_requests_are_refused(arena: Arena) -> None:
    server = arena.serve()
    arena.driver.run([arena.plan() for _ in range(10)], at_once=5)
    across = arena.driver.send(arena.plan(act=STEADY) for _ in range(5))
    arena.driver.wait(across, until="speaking")
    with arena.database.away():
        server.limit_files(0)
        refused = _asked(arena, _refused)
        assert refused.plan.session not in {sighting.session for sighting in arena.ledger()}
        arena.driver.wait(across)
        assert all(call.finished for call in across), "a running stream was not left alone"
        # One of the two is enough.
        server.limit_files(resource.RLIM_INFINITY)
        _asked(arena, lambda call: call.finished)
    # Whatever was served is a row: it waited in memory.
    arena.prove(refused=True)


def test_without_journal_and_database_requests_are_served_if_that_is_wanted(arena: Arena) -> None:
    server = arena.serve(UNACCOUNTED="serve")
    with arena.database.away():
        server.limit_files(0)
        calls = []
        end = time.monotonic() + 3
        while time.monotonic() < end:
            calls.append(_asked(arena, lambda call: call.ended is not None))
        assert all(call.finished for call in calls)
    server.limit_files(resource.RLIM_INFINITY)
    arena.prove()


def test_the_journal_grows_to_its_limit_and_drains(arena: Arena) -> None:
    server = arena.serve(JOURNAL_MAX_BYTES="50000")
    with arena.database.away():
        _asked(arena, _refused)
        assert sum(path.stat().st_size for path in arena.segments()) <= 50_000
    _asked(arena, lambda call: call.finished)
    assert server.stop() == 0
    arena.prove(refused=True)
    assert arena.segments() == []


MAX_STALE = 5
"""Seconds."""


def _models(server: Server, key: Key) -> Answer:
    return Client(server.base_url, key.secret).get("/v1/models")


def _refused_as_stale(server: Server, key: Key) -> bool:
    answer = _models(server, key)
    if answer.status != 503:
        return False
    text = answer.error(503, "api_error")
    assert answer.headers["x-should-retry"] == "false"
    assert "could not read its database for" in text
    assert f"after {MAX_STALE} s (MAX_STALE)" in text
    return True


def test_a_worker_without_the_database_shows_its_age_and_refuses_at_last(arena: Arena) -> None:
    key = make_key()
    server = arena.serve(MAX_STALE=str(MAX_STALE))
    assert server.readiness()[1]["snapshot_age_seconds"] < MAX_STALE
    across = arena.driver.send([arena.plan(act=Act(words=60, pause=0.15))])
    arena.driver.wait(across, until="speaking")
    began = time.monotonic()
    with arena.database.away():
        assert _models(server, key).status == 200
        if isinstance(arena.database, SQLiteFile):
            # A file that is locked for writing is read as ever.
            time.sleep(MAX_STALE + 1)
            assert _models(server, key).status == 200
            assert server.readiness()[1]["snapshot_age_seconds"] < MAX_STALE
        else:
            until(lambda: server.readiness()[1]["snapshot_age_seconds"] > 1, "the age to grow")
            until(lambda: _refused_as_stale(server, key), "to be refused")
            assert time.monotonic() - began > MAX_STALE - 1
            status, body = server.readiness()
            assert status == 503
            assert "requests are refused: This gateway could not read its database" in str(body["causes"])
            # Keys that were never valid are refused in the same way: nothing is known of any.
            assert Client(server.base_url, "nonsense").get("/v1/models").status == 503
        # What was under way goes on.
        arena.driver.wait(across)
        assert across[0].finished
    until(lambda: _models(server, key).status == 200, "to be served again")
    server.wait_ready()
    assert server.readiness()[1]["snapshot_age_seconds"] < MAX_STALE
    arena.prove(refused=True)


def test_a_key_that_is_revoked_where_a_worker_cannot_see_it_works_until_max_stale(arena: Arena) -> None:
    database = arena.database
    key, other = make_key(), make_key()
    if not isinstance(database, PostgreSQLDatabase):
        # Whoever has the file reads it: nobody is cut off from it alone.
        server = arena.serve(MAX_STALE=str(MAX_STALE))
        ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())
        server.wait_snapshot()
        assert _models(server, key).error(401, "authentication_error")
        assert _models(server, other).status == 200
        return
    with database.path() as path:
        server = arena.serve(MAX_STALE=str(MAX_STALE), DATABASE_URL=database.url_by(path))
        database.cut(path)
        ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())
        assert _models(server, key).status == 200
        until(lambda: _refused_as_stale(server, key), "to be refused")
        assert _refused_as_stale(server, other)
        database.url_by(path)
        until(lambda: _models(server, other).status == 200, "to be served again")
        assert _models(server, key).error(401, "authentication_error")
        assert server.stop() == 0
