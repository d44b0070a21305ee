"""Servers that die: by SIGKILL, by SIGTERM under load, one worker of two. Every attempt is a row all the same."""

from __future__ import annotations

import os
import signal
import time
from itertools import islice

from tests.chaos import tally
from tests.chaos.arena import ENDLESS, Arena, Server
from tests.chaos.parity import NOTHING, counts_of
from tests.chaos.plan import Act
from tests.harness.patience import until
from usage.models import Outcome

STREAMS = 50


def _fill(arena: Arena) -> None:
    """Some finished requests and fifty streams in flight."""
    arena.driver.run(islice(arena.short_plans(), 40), at_once=10)
    running = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(STREAMS))
    arena.driver.wait(running, until="speaking")


def test_kill_with_fifty_streams_in_flight(arena: Arena) -> None:
    server = arena.serve()
    _fill(arena)
    arena.killed.append(server.kill())
    arena.serve()
    rows = arena.prove()
    interrupted = [row for row in rows.requests.values() if row.outcome == Outcome.INTERRUPTED]
    assert len(interrupted) == STREAMS
    assert len(rows.attempts) == len(rows.requests) == STREAMS + 40
    for row in interrupted:
        (attempt,) = rows.attempts_of(row)
        assert attempt.outcome == Outcome.INTERRUPTED
        # Nobody told what it used: that is unknown, and not nothing.
        assert counts_of(row) == counts_of(attempt) == NOTHING
        assert (row.cost, attempt.cost) == (None, None)
        assert row.model_name
        assert row.key_id


def test_what_an_attempt_before_the_kill_cost_is_the_request_s_cost(arena: Arena) -> None:
    server = arena.serve()
    # Claude reports its input at the start and then fails; the other candidate is answering when the server dies.
    failing = {"second": Act(way="error", words=0), "first": ENDLESS}
    running = arena.driver.send(arena.plan("back", acts=failing) for _ in range(5))
    arena.driver.wait(running, until="speaking")
    arena.killed.append(server.kill())
    arena.serve()
    for row in arena.prove().requests.values():
        first, second = arena.rows().attempts_of(row)
        assert (first.outcome, second.outcome, row.outcome) == ("failed", "interrupted", "interrupted")
        assert row.cost == first.cost != 0
        assert (row.model_name, row.output_tokens) == (second.model_name, None)


def test_a_second_start_adopts_nothing_twice(arena: Arena) -> None:
    server = arena.serve()
    _fill(arena)
    arena.killed.append(server.kill())
    # Killed again while it adopts or just after: what it had written by then must not come a second time.
    again = Server(arena.folder.name, env={**server.environment})
    again.launch()
    time.sleep(arena.rng.uniform(0.8, 1.6))
    arena.killed.append(again.kill())
    third = arena.serve()
    before = arena.prove()
    assert third.stop() == 0
    assert arena.segments() == [], "an orderly stop leaves a journal behind"
    arena.serve()
    time.sleep(1.5)
    after = arena.prove()
    assert after.requests.keys() == before.requests.keys()


def test_sigterm_under_load(arena: Arena) -> None:
    server = arena.serve(DRAIN_DEADLINE="1")
    endless = arena.driver.send(arena.plan(act=ENDLESS) for _ in range(10))
    arena.driver.wait(endless, until="speaking")
    with arena.driver.load(arena.short_plans(), at_once=20):
        time.sleep(20 if tally.LONG else 2)
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        arena.driver.wait(endless)
    # Nothing is left for a later server to do.
    rows = arena.prove(timeout=0)
    assert arena.segments() == []
    ended = [row for row in rows.requests.values() if row.outcome == Outcome.INTERRUPTED]
    assert {call.plan.session for call in endless} <= {row.session_id for row in ended}


def test_one_of_two_workers_is_killed(arena: Arena) -> None:
    server = arena.serve(workers=2, DRAIN_DEADLINE="1")
    first, second = server.workers()
    until(lambda: server.logs().count("Application startup complete") >= 2, server.logs)
    running = []
    for _ in range(STREAMS):
        # Not all at once, which would all be accepted by the first worker to look.
        running += arena.driver.send([arena.plan(act=ENDLESS)])
        time.sleep(0.02)
    arena.driver.wait(running, until="speaking")
    with arena.driver.load(arena.short_plans(), at_once=10):
        time.sleep(1)
        arena.killed.append(time.monotonic())
        os.kill(first, signal.SIGKILL)
        until(lambda: second in server.workers() and len({*server.workers()} - {first}) >= 2, "another worker")
        time.sleep(2)
    cut = [call for call in running if call.ended is not None]
    assert 0 < len(cut) < STREAMS, "both workers have streams, and those of the living one go on"
    # The living worker (or the new one) has adopted the dead one's journal while it serves.
    wanted = {call.plan.session for call in cut}
    until(
        lambda: wanted <= {row.session_id for row in arena.rows().requests.values()},
        "the streams of the dead worker to be rows",
    )
    assert sum(call.ended is None for call in running) == STREAMS - len(cut)
    assert server.stop() == 0
    rows = arena.prove()
    assert {row.outcome for row in rows.requests.values()} <= {Outcome.COMPLETED, Outcome.INTERRUPTED}


def test_rounds_of_kills_at_random_moments(arena: Arena) -> None:
    for _ in range(25 if tally.LONG else 2):
        server = arena.serve(JOURNAL_FSYNC=arena.rng.choice(["interval", "always"]))
        with arena.driver.load(arena.short_plans(), at_once=arena.rng.choice([5, 30])):
            time.sleep(arena.rng.uniform(0.2, 3))
            if arena.rng.random() < 0.8:
                arena.killed.append(server.kill())
            else:
                assert server.stop() == 0
    arena.serve()
    arena.prove()
