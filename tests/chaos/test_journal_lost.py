"""The journal's files removed under a running server, and the journal and the database failing at once."""

from __future__ import annotations

import resource
import shutil
import time

from tests.chaos import tally
from tests.chaos.arena import ENDLESS, Arena
from tests.chaos.plan import Act
from tests.harness.patience import until
from usage.models import Outcome

STEADY = Act(words=20, pause=0.15)
"""A stream of three seconds."""
NOTICED = 12.0
"""Seconds after which a server has certainly noticed what it looks for each second, on a busy machine too."""


def _remove_files(arena: Arena) -> None:
    """Removes the root, a server's folder, its lock, or its segments."""
    match arena.rng.randrange(4):
        case 0:
            shutil.rmtree(arena.journal)
        case 1:
            for folder in arena.journal.iterdir():
                shutil.rmtree(folder)
        case 2:
            for path in arena.journal.rglob("lock"):
                path.unlink()
        case _:
            for path in arena.segments():
                path.unlink(missing_ok=True)


def test_the_journal_disappears_and_is_written_anew(arena: Arena) -> None:
    for _ in range(10 if tally.LONG else 2):
        server = arena.serve()
        # With the database away the journal is the only place where these are.
        with arena.database.away():
            finished = arena.driver.send(arena.plan() for _ in range(20))
            running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(10))
            arena.driver.wait(finished)
            arena.driver.wait(running, until="speaking")
            _remove_files(arena)
            until(lambda: "files of the usage journal disappeared" in arena.servers[-1].logs(), "a word about it")
            time.sleep(1)
            arena.killed.append(server.kill())
    server = arena.serve()
    rows = arena.prove()
    outcomes = [row.outcome for row in rows.requests.values()]
    assert outcomes.count(Outcome.COMPLETED) == 2 * outcomes.count(Outcome.INTERRUPTED)
    shutil.rmtree(arena.journal)
    until(lambda: "disappeared" in str(server.readiness()[1].get("warnings")), "a warning")
    assert server.readiness()[0] == 200


def test_a_server_stops_in_order_after_its_journal_disappeared(arena: Arena) -> None:
    server = arena.serve(DRAIN_DEADLINE="1")
    with arena.driver.load(arena.short_plans(), at_once=10):
        time.sleep(1)
        shutil.rmtree(arena.journal)
        server.signal()
        assert server.wait_exit() == 0
    arena.prove()


def test_requests_are_refused_as_soon_as_neither_journal_nor_database_takes_rows(arena: Arena) -> None:
    # SQLite's own patience, after which it would say by itself that it is locked.
    server = arena.serve(DATABASE_URL=arena.database.url.replace("timeout=2", "timeout=20"))
    arena.driver.run([arena.plan() for _ in range(10)], at_once=5)
    across = arena.driver.send(arena.plan(act=STEADY) for _ in range(5))
    arena.driver.wait(across, until="speaking")
    with arena.database.away():
        server.limit_files(0)
        began = time.monotonic()

        def is_refused() -> bool:
            (call,) = arena.driver.send([arena.plan()])
            arena.driver.wait([call])
            return call.status == 529

        until(is_refused, "a refusal", timeout=20)
        assert time.monotonic() - began < NOTICED
        status, body = server.readiness()
        assert (status, "requests are refused" in str(body["causes"])) == (503, True)
        arena.driver.wait(across)
        assert all(call.finished for call in across), "a running stream was not left alone"
        # The journal alone is enough, and that it works again is noticed without a request.
        server.limit_files(resource.RLIM_INFINITY)
        until(lambda: "requests are refused" not in str(server.readiness()[1]), "requests to be served")
        served = arena.driver.send(arena.plan() for _ in range(5))
        arena.driver.wait(served)
        assert all(call.finished for call in served)
    until(lambda: server.readiness()[0] == 200, "to be ready")
    assert server.stop() == 0
    arena.prove(refused=True)
