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

from tests.chaos import tally
from tests.chaos.arena import ENDLESS, Arena
from tests.chaos.driver import Call
from tests.chaos.plan import Act
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
    assert "the database takes usage rows again" in server.logs()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_rows_that_wait_for_the_database_survive_the_server(ending: signal.Signals, arena: Arena) -> None:
    server = arena.serve(DRAIN_DEADLINE="1")
    with arena.database.away():
        running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(5))
        finished = arena.driver.send(arena.plan() for _ in range(30))
        arena.driver.wait(running, until="speaking")
        arena.driver.wait(finished)
        time.sleep(0.5)
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
