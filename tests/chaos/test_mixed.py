"""Thousands of requests of every kind at once: each row's tokens are the upstream's, and the costs sum up exactly."""

from __future__ import annotations

import random
from decimal import Decimal

import msgspec
from django.db.models import Sum

from tests.chaos import tally
from tests.chaos.arena import Arena
from tests.chaos.parity import counts_of
from tests.chaos.plan import Act, Plan
from tests.chaos.witness import WORKED, Counts
from usage.journal import records
from usage.models import AttemptLog, Outcome, RequestLog
from usage.money import to_dollars

REQUESTS = 5_000 if tally.LONG else 500


def _act(rng: random.Random) -> Act:
    """One upstream's behaviour: mostly whole answers, with what they report varied from nothing to billions."""
    way = rng.choices(["answer", "refuse", "reset", "cut", "error"], [78, 8, 4, 5, 5])[0]
    silent = rng.random() < 0.05
    return Act(
        way=way,  # type: ignore[arg-type]
        words=rng.randint(1, 6),
        wait=rng.choice([0, WORKED] if way == "reset" else [0, 0, 0, 0.02]),
        pause=rng.choice([0, 0, 0, 0.01]),
        status=rng.choice([400, 401, 404, 429, 500, 503, 529]),
        input=None if silent else rng.choice([0, 1, rng.randint(2, 200_000), rng.randint(10**6, 10**7)]),
        cache_read=rng.choice([None, 0, rng.randint(1, 10**6)]),
        cache_write=rng.choice([None, 0, rng.randint(1, 10**5)]),
        output=None if silent else rng.choice([0, 1, rng.randint(2, 64_000)]),
        reasoning=rng.choice([None, 0, 1]),
    )


def _plan(arena: Arena) -> Plan:
    rng = arena.rng
    route = rng.choice(["chat", "claude", "chain", "back"])
    leaves = rng.choices(["", "unanswered", "answered"], [90, 4, 6])[0]
    if leaves:
        # Slow enough that the client is gone before the end.
        wait = 1.0 if leaves == "unanswered" else 0.0
        act = Act(words=1000, pause=0.2, wait=wait, input=rng.randint(1, 10**6), output=5)
        # A client that leaves before any answer leaves its first upstream; both dialects have their turn.
        return arena.plan(route, act, leaves=leaves, patience=0.5)
    acts = {place: _act(rng) for place in arena.places(route)}
    return arena.plan(route, acts=acts, stream=rng.random() < 0.7)


def _possible(row: RequestLog, tries: list[AttemptLog]) -> list[Counts]:
    """What a request's counts may be: of the attempt that its client got, which for a failure is one of its kind."""
    if row.streamed:
        # A stream that broke off and was continued is an answer in parts, and each part had a prompt of its own.
        parts = [attempt for attempt in tries[:-1] if attempt.time_to_first_token_ms is not None]
        return [_sum([counts_of(part) for part in [*parts, tries[-1]]])]
    if row.outcome == Outcome.FAILED:
        return [counts_of(attempt) for attempt in tries if attempt.error_type == row.error_code]
    return [counts_of(tries[-1])]


def _sum(parts: list[Counts]) -> Counts:
    """What the parts of an answer report together; unknown where none of them knows."""
    columns = zip(*map(msgspec.structs.astuple, parts), strict=True)
    return Counts(*(records.known_sum(column) for column in columns))


def test_mixed_requests_are_accounted_for_to_the_last_digit(arena: Arena) -> None:
    # Providers that fail on purpose would be left alone by the circuit breaker, and with them most of the accounts.
    server = arena.serve(CIRCUIT_BREAKER="false")
    arena.driver.run([_plan(arena) for _ in range(REQUESTS)], at_once=24)
    rows = arena.prove()
    assert len(rows.requests) == REQUESTS
    outcomes = {row.outcome for row in rows.requests.values()}
    assert outcomes == {Outcome.COMPLETED, Outcome.FAILED, Outcome.CLIENT_CLOSED}
    cost_of = {}
    for sighting in arena.ledger():
        attempt = rows.attempts[sighting.attempt]
        # What the upstream reported last; where a stream was cut off, the estimate (which `prove` has looked at).
        cut_off = attempt.estimated or attempt.outcome == Outcome.CLIENT_CLOSED
        counts = counts_of(attempt) if cut_off else sighting.reported()
        cost_of[sighting.attempt] = arena.prices[sighting.place].cost(counts)
    for identity, cost in cost_of.items():
        assert rows.attempts[identity].cost == (None if cost is None else to_dollars(cost)), rows.attempts[identity]
    for row in rows.requests.values():
        tries = rows.attempts_of(row)
        known = [cost for cost in (cost_of.get(str(attempt.id)) for attempt in tries) if cost is not None]
        assert row.cost == (to_dollars(sum(known)) if known else None)
        if tries:
            assert counts_of(row) in _possible(row, tries)
            assert [attempt.number for attempt in tries] == list(range(1, len(tries) + 1))
    total = to_dollars(sum(cost for cost in cost_of.values() if cost is not None))
    assert total > Decimal(1)
    assert RequestLog.objects.aggregate(total=Sum("cost"))["total"] == total
    assert AttemptLog.objects.aggregate(total=Sum("cost"))["total"] == total
    assert server.stop() == 0
