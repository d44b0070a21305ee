"""The proof: what the witness saw, what the clients saw and what the database holds are the same, each thing once."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connection

from tests.chaos.driver import Call
from tests.chaos.witness import Counts, Sighting
from usage.models import AttemptLog, Outcome, RequestLog

KINDS = ("input", "cache_read", "cache_write", "output", "reasoning")
NOTHING = Counts()
AT_THE_KILL = 2.0
"""Seconds around a kill in which a client may have its whole answer and the server not have written so: as long as a
busy machine may take from the one to the other."""


@dataclass(frozen=True)
class Rows:
    """All usage rows of a database."""

    requests: dict[str, RequestLog]
    """By the request id that clients see."""
    attempts: dict[str, AttemptLog]
    """By the attempt id that upstreams see."""
    tries: dict[UUID, list[AttemptLog]]
    """By their request, in order."""

    @classmethod
    def read(cls) -> Rows:
        """As they are now. A connection that the database broke is replaced."""
        connection.close()
        requests = list(RequestLog.objects.all())
        attempts = list(AttemptLog.objects.order_by("number"))
        tries = defaultdict(list)
        for row in attempts:
            tries[row.request_log_id].append(row)
        found = cls({row.request_id: row for row in requests}, {str(row.id): row for row in attempts}, dict(tries))
        assert len(found.requests) == len(requests), "a request is two rows"
        assert len(found.attempts) == len(attempts), "an attempt is two rows"
        return found

    def attempts_of(self, request: RequestLog) -> list[AttemptLog]:
        """The tries of a request, first one first."""
        return self.tries.get(request.id, [])


def settle(check: Callable[[], Rows], timeout: float) -> Rows:
    """What `check` returns once it holds: rows come a moment after the answers. Raises its last AssertionError."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def check(
    ledger: Sequence[Sighting],
    calls: Sequence[Call],
    *,
    killed: Sequence[float] = (),
    torn: Collection[str] = (),
    refused: bool = False,
) -> Rows:
    """Assert parity and return the rows.

    `killed` is when servers were killed (time.monotonic()): an attempt may then have been written down and never sent,
    and a request whose end reached its client just before may count as interrupted. `torn` are the sessions of
    requests whose end was torn out of the journal. `refused` says that requests with status 529 may have been turned
    away without a row, if no upstream saw them.
    """
    rows = Rows.read()
    seen = {sighting.attempt: sighting for sighting in ledger}
    assert len(seen) == len(ledger), "the witness counts wrongly"
    lost = seen.keys() - rows.attempts.keys()
    assert not lost, f"{len(lost)} of {len(seen)} attempts that the upstream saw are no rows"
    for attempt in rows.attempts.keys() - seen.keys():
        _check_never_sent(rows.attempts[attempt], bool(killed))
    _check_requests(rows, seen, calls, refused)
    for attempt, sighting in seen.items():
        # What was sent to its end and lost is another attempt, with its own id.
        assert sighting.arrivals == 1, f"{sighting.arrivals} times under one id: {sighting}"
        _check_tokens(rows.attempts[attempt], sighting)
    for call in calls:
        if call.finished and call.request_id and call.plan.session not in torn:
            row = rows.requests[call.request_id]
            at_the_kill = any(abs(kill - (call.ended or 0.0)) < AT_THE_KILL for kill in killed)
            assert row.outcome == Outcome.COMPLETED or at_the_kill, f"a client had its whole answer: {row.outcome}"
    return rows


def _check_never_sent(row: AttemptLog, killed: bool) -> None:
    outcomes = {Outcome.CLIENT_CLOSED, Outcome.INTERRUPTED, Outcome.FAILED} if killed else {Outcome.CLIENT_CLOSED}
    assert row.outcome in outcomes, f"an attempt that no upstream saw is {row.outcome} ({row.error_type})"
    assert (row.http_status, row.output_tokens) == (None, None), "an attempt that no upstream saw has an answer"


def _check_requests(rows: Rows, seen: dict[str, Sighting], calls: Sequence[Call], refused: bool) -> None:
    sessions = Counter(row.session_id for row in rows.requests.values())
    twice = [session for session, count in sessions.items() if count > 1]
    assert not twice, f"requests that became several rows: {twice}"
    strangers = sessions.keys() - {call.plan.session for call in calls}
    assert not strangers, f"rows of requests that nobody sent: {strangers}"
    reached = {sighting.session for sighting in seen.values()}
    for call in calls:
        turned_away = refused and call.status == 529 and call.plan.session not in reached
        if call.request_id and not turned_away:
            assert call.request_id in rows.requests, f"a request that its client saw is no row: {call}"
            assert rows.requests[call.request_id].session_id == call.plan.session
    lost = reached - sessions.keys()
    assert not lost, f"{len(lost)} requests that an upstream saw are no rows"
    by_id = {row.id: row for row in rows.requests.values()}
    tries = Counter(attempt.request_log_id for attempt in rows.attempts.values())
    assert not tries.keys() - by_id.keys(), "an attempt without its request"
    for identity, row in by_id.items():
        assert tries[identity] == row.attempts, f"{row} has {tries[identity]} attempts and says {row.attempts}"
        costs = [attempt.cost for attempt in rows.attempts_of(row) if attempt.cost is not None]
        assert row.cost == (sum(costs) if costs else None), f"{row} cost {row.cost}, its attempts {costs}"
    for attempt, sighting in seen.items():
        owner = by_id[rows.attempts[attempt].request_log_id]
        assert owner.session_id == sighting.session, "an attempt under the wrong request"


def counts_of(row: AttemptLog | RequestLog) -> Counts:
    """The token columns of a row."""
    return Counts(*(getattr(row, f"{kind}_tokens") for kind in KINDS))


def _check_tokens(row: AttemptLog, sighting: Sighting) -> None:
    counts = counts_of(row)
    last = sighting.reported()
    where = f"{sighting.place}, {row.outcome}, {row.error_type}: the row has {counts}, the upstream reported "
    if row.estimated:
        _check_estimate(row, sighting)
    elif row.outcome == Outcome.COMPLETED:
        assert sighting.finished, "completed, and the upstream had not finished"
        assert counts == last, f"{where}{last}"
    elif row.outcome == Outcome.FAILED:
        assert counts == last, f"{where}{last}"
    else:
        assert counts in (NOTHING, *sighting.settled()), f"{where}{sighting.reports}"


def _check_estimate(row: AttemptLog, sighting: Sighting) -> None:
    """Reported counts stay, and the output is a token for each four characters, as far as the stream went."""
    counts, reported = counts_of(row), sighting.reported()
    last = sighting.reports[-1] if sighting.reports else NOTHING
    prompt = (reported.input or 0) + (reported.cache_read or 0) + (reported.cache_write or 0)
    most = max(reported.output or 0, -(-sighting.characters // 4))
    assert counts.output is not None, f"an estimate without a figure: {counts}"
    if row.outcome == Outcome.COMPLETED:
        assert not (prompt and last.output), "a completed answer's tokens are the provider's, where it counts them"
        assert counts.output == (last.output or max(1, most)), f"{counts.output} estimated, {most} characters"
    elif row.outcome == Outcome.FAILED:
        assert counts.output == most, f"{counts.output} estimated, {most} characters"
    else:
        assert 0 < counts.output <= most, f"{counts.output} estimated, {most} characters"
    if reported.input is None or not prompt:
        # What was cached is a part of the estimate.
        assert counts.input or reported.cache_read or reported.cache_write, f"an estimate without a figure: {counts}"
    else:
        assert (counts.input, counts.cache_read, counts.cache_write) == (
            reported.input,
            reported.cache_read,
            reported.cache_write,
        )


@dataclass(frozen=True)
class PriceList:
    """US dollars per million tokens, and what an answer costs by hand: the proof's own arithmetic."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def cost(self, counts: Counts) -> int | None:
        """Pico-dollars; None where input or output is unknown."""
        if counts.input is None or counts.output is None:
            return None
        dollars = (
            counts.input * self.input
            + counts.output * self.output
            + (counts.cache_read or 0) * self.cache_read
            + (counts.cache_write or 0) * self.cache_write
        ) / 1_000_000
        pico = dollars * 10**12
        assert pico == int(pico)
        return int(pico)
