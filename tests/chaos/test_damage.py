"""Lines that are torn, rows that the database refuses, and a clock that is set back."""

from __future__ import annotations

import signal
import sys
import time
from itertools import islice

from django.contrib.auth.models import User
from django.test import Client
from msgspec.structs import replace

from tests.admin.pages import text_of
from tests.chaos import parity, tally
from tests.chaos.arena import ENDLESS, Arena
from tests.harness.patience import PATIENCE, until
from usage.models import Outcome, SetAside

POISON = {
    "sqlite": """
        CREATE TRIGGER poison BEFORE INSERT ON usage_requestlog WHEN NEW.client LIKE 'poison%'
        BEGIN SELECT RAISE(ABORT, 'this row is poison'); END;
    """,
    "postgresql": """
        CREATE FUNCTION poison() RETURNS trigger AS $$
            BEGIN IF NEW.client LIKE 'poison%' THEN RAISE EXCEPTION 'this row is poison'; END IF; RETURN NEW; END
        $$ LANGUAGE plpgsql;
        CREATE TRIGGER poison BEFORE INSERT ON usage_requestlog FOR EACH ROW EXECUTE FUNCTION poison();
    """,
}


def test_a_line_torn_in_the_middle_takes_nothing_else_with_it(arena: Arena) -> None:
    server = arena.serve()
    finished = list(islice(arena.short_plans(), 20))
    with arena.database.away():
        # With the database away the journal is the only place where these are.
        arena.driver.run(finished, at_once=5)
        running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(20))
        arena.driver.wait(running, until="speaking")
        arena.wait_journaled(finished)
        arena.killed.append(server.kill())
    (segment,) = arena.segments()
    lines = segment.read_bytes().splitlines(keepends=True)
    first_of = {
        plan.session: [n for n, line in enumerate(lines) if f'"{plan.session}"'.encode() in line] for plan in finished
    }
    opened, ended = first_of[finished[0].session]
    _, end_of_another = first_of[finished[1].session]
    # The beginning of one request: its end still tells everything. The end of another: that it began is known.
    lines[opened] = _flipped(lines[opened])
    lines[end_of_another] = _flipped(lines[end_of_another])
    # And what a crash in the middle of a write leaves.
    segment.write_bytes(b"".join(lines) + lines[ended][: len(lines[ended]) // 2])
    arena.torn.add(finished[1].session)
    arena.serve()
    rows = arena.prove()
    by_session = {row.session_id: row for row in rows.requests.values()}
    assert by_session[finished[0].session].outcome == Outcome.COMPLETED
    assert by_session[finished[1].session].outcome == Outcome.INTERRUPTED
    assert {by_session[plan.session].outcome for plan in finished[2:]} == {Outcome.COMPLETED}
    assert len(rows.requests) == 40


def test_a_nul_in_a_request_harms_no_row(arena: Arena) -> None:
    # PostgreSQL takes it neither as text nor in JSON, and JSON takes it everywhere.
    server = arena.serve()
    arena.driver.run([replace(arena.plan(), route="no-such\0model")], at_once=1)
    arena.driver.run([arena.plan() for _ in range(5)], at_once=1)
    rows = arena.prove()
    assert len(rows.requests) == 6
    assert rows.requests[arena.driver.calls[0].request_id].outcome == Outcome.REFUSED
    assert server.stop() == 0


def test_a_row_that_the_database_refuses_is_set_aside_and_the_others_are_written(arena: Arena) -> None:
    arena.database.execute(POISON)
    server = arena.serve()
    arena.driver.send(arena.plan() for _ in range(20))
    # One that a trigger refuses.
    poisoned = arena.driver.send([arena.plan()], client="poison/1.0")
    # And one that is refused, with what PostgreSQL's JSON does not take either.
    poisoned += arena.driver.send([replace(arena.plan(), route="no-such\0model")], client="poison/1.0")
    arena.driver.send(arena.plan() for _ in range(20))
    arena.driver.wait(arena.driver.calls)
    until(lambda: SetAside.objects.count() >= 2, server.complaints)
    kept = {row.request_id: row for row in SetAside.objects.all()}
    assert kept.keys() == {call.request_id for call in poisoned}
    attempts = {str(attempt["id"]) for row in kept.values() for attempt in row.payload["attempts"]}
    # What is set aside is everything that the row would have been.
    ledger = [sighting for sighting in arena.ledger() if sighting.attempt not in attempts]
    others = [call for call in arena.driver.calls if call not in poisoned]
    assert len(ledger) == len(others) == 40
    rows = parity.settle(lambda: parity.check(ledger, others), PATIENCE)
    assert {row.outcome for row in rows.requests.values()} == {Outcome.COMPLETED}
    assert "this row is poison" in kept[poisoned[0].request_id].cause
    assert all(row.cause for row in kept.values())
    tally.add(requests=42, attempts=41)
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    page = text_of(browser.get("/admin/usage/setaside/"))
    for request_id in kept:
        assert request_id in page
    assert "this row is poison" in page
    assert server.stop() == 0
    # They are dealt with: a later start does not try them again.
    arena.serve()
    time.sleep(1.5)
    assert SetAside.objects.count() == 2


def test_the_clock_is_set_back_under_load(arena: Arena) -> None:
    # Nothing can set the clock of one process only, so the server runs with a clock that steps on SIGUSR1.
    server = arena.serve(program=[sys.executable, "-m", "tests.chaos.clock"])
    with arena.driver.load(arena.short_plans(), at_once=10):
        time.sleep(1)
        running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(10))
        arena.driver.wait(running, until="speaking")
        server.signal(signal.SIGUSR1)
        time.sleep(1.5)
        later = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(10))
        arena.driver.wait(later, until="speaking")
        arena.killed.append(server.kill())
    arena.serve()
    rows = arena.prove()
    by_session = {row.session_id: row for row in rows.requests.values()}
    before = max(by_session[call.plan.session].started_at for call in running)
    after = min(by_session[call.plan.session].started_at for call in later)
    assert after < before, "the clock was not set back"
    for row in [*rows.requests.values(), *rows.attempts.values()]:
        assert row.duration_ms is None or row.duration_ms < 60_000


def _flipped(line: bytes) -> bytes:
    """The line with one bit in its middle the other way round."""
    middle = len(line) // 2
    return line[:middle] + bytes([line[middle] ^ 1]) + line[middle + 1 :]
