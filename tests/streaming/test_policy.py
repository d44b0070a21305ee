"""Which candidate is tried next, after which wait, and which failure the client gets."""

from __future__ import annotations

from typing import Any

import pytest

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import Decision, Drop, Dropped
from routing.health import REJECTED
from routing.snapshot import CandidateConfig
from streaming.attempts.policy import (
    AttemptPlan,
    Failure,
    NextAttempt,
    error_for_client,
    ordered_candidates,
    shortest_retry_after,
)
from tests.health.driver import HealthDriver, candidate, credential
from tests.routing.builders import route

FIRST, SECOND = candidate(model=1, provider=1), candidate(model=2, provider=2)
BUSY, BROKEN = ErrorKind.OVERLOADED, ErrorKind.SERVER


def failure(of: CandidateConfig, kind: ErrorKind | None, by: int | None = None, **fields: Any) -> Failure:
    """A failed attempt; without a `kind` the dialect could not express the request. `by` is its credential."""
    error = UnsupportedRequest("no") if kind is None else UpstreamError(kind, "the provider's words", **fields)
    return Failure(error, of, by)


class Planned:
    """A plan on a clock of its own; each `fails` is an attempt that fails, of which health is informed."""

    def __init__(self, *candidates: CandidateConfig, deadline: float = 1e9, dice: float = 1.0, **fields: Any) -> None:
        self.house = HealthDriver()
        self.now = 0.0
        self.plan = AttemptPlan(
            route("r", *candidates, **fields),
            candidates,
            self.house.health,
            deadline=deadline,
            retry_limit=10.0,
            dice=lambda: dice,
        )
        self.following: NextAttempt | None = self.plan.first()
        self.informs_health = True

    def fails(self, kind: ErrorKind | None, **fields: Any) -> tuple[str, float] | None:
        """The model and the wait of what follows."""
        assert self.following is not None
        of = self.following.candidate
        own = self.house.health.credential(of)
        if kind is not None and self.informs_health:
            self.house.tried(of, kind, **fields)
        made = failure(of, kind, None if own is None else own.id, **fields)
        self.following = self.plan.after([made], self.now)
        if self.following is None:
            return None
        self.house.clock.passes(self.following.wait)
        return self.following.candidate.model.name, self.following.wait


def test_without_retries_the_next_candidate_is_tried_at_once() -> None:
    planned = Planned(FIRST, SECOND)
    assert planned.fails(BUSY) == ("model2", 0.0)
    assert planned.fails(BUSY) is None


def test_waits_double_up_to_their_cap_and_are_jittered_from_nothing() -> None:
    planned = Planned(FIRST, SECOND, retries=7, max_attempts=20)
    # Health is not informed: five failures would open the circuit.
    planned.informs_health = False
    waits = [planned.fails(BROKEN) for _ in range(8)]
    assert waits == [
        *(("model1", wait) for wait in (0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0)),
        ("model2", 0.0),
    ]
    assert Planned(FIRST, retries=1, dice=0.0).fails(BROKEN) == ("model1", 0.0)
    assert Planned(FIRST, retries=1, dice=0.5).fails(BROKEN) == ("model1", 0.125)


MAY_BE_OVER = "conflict rate_limit overloaded server connect connect_timeout first_event_timeout idle_timeout"
BROKE_OFF = "connection_lost truncated malformed"


@pytest.mark.parametrize("kind", f"{MAY_BE_OVER} {BROKE_OFF}".split())
def test_what_may_be_over_a_moment_later_is_tried_again(kind: str) -> None:
    planned = Planned(FIRST, SECOND, retries=1)
    # Health is not informed: it would let some of these cool down.
    planned.informs_health = False
    assert planned.fails(ErrorKind(kind)) == ("model1", 0.25)


def test_the_second_candidate_has_retries_of_its_own() -> None:
    planned = Planned(FIRST, SECOND, retries=1)
    assert [planned.fails(BROKEN) for _ in range(4)] == [("model1", 0.25), ("model2", 0.0), ("model2", 0.25), None]


def test_the_most_attempts_cap_retries_and_fallbacks_alike() -> None:
    planned = Planned(FIRST, SECOND, retries=5, max_attempts=3)
    # The second keeps its attempt.
    assert [planned.fails(BROKEN) for _ in range(3)] == [("model1", 0.25), ("model2", 0.0), None]
    assert [Planned(FIRST, retries=5, max_attempts=2).fails(BROKEN)] == [("model1", 0.25)]


@pytest.mark.parametrize(
    ("seconds", "then"), [(3.0, ("model1", 3.25)), (10.0, ("model1", 10.25)), (10.1, ("model2", 0.0))]
)
def test_a_retry_after_is_obeyed_up_to_the_limit(seconds: float, then: tuple[str, float]) -> None:
    assert Planned(FIRST, SECOND, retries=1).fails(ErrorKind.RATE_LIMIT, retry_after=seconds) == then


def test_a_candidate_that_cools_down_longer_than_a_retry_waits_is_passed_over_if_there_is_another() -> None:
    # A 429 that says nothing is given five seconds by health.
    assert Planned(FIRST, SECOND, retries=1).fails(ErrorKind.RATE_LIMIT) == ("model2", 0.0)
    assert Planned(FIRST, retries=1).fails(ErrorKind.RATE_LIMIT) == ("model1", 5.0)


def test_a_fallback_that_cools_down_is_passed_over() -> None:
    planned = Planned(FIRST, SECOND, candidate(model=3, provider=3))
    planned.house.fails(SECOND, 5)
    assert planned.fails(BUSY) == ("model3", 0.0)
    planned = Planned(FIRST, SECOND)
    planned.house.fails(SECOND, 5)
    assert planned.fails(BUSY) is None


def test_a_candidate_that_cooled_down_at_the_decision_is_tried_when_it_has_recovered() -> None:
    house, both = HealthDriver(), route("r", FIRST, SECOND)
    house.fails(FIRST, 5)
    decided = Decision(
        both, (SECOND,), "names", "", dropped=(Dropped(FIRST.name, Drop.COOLING_DOWN, "it failed lately"),)
    )
    plan = AttemptPlan(both, ordered_candidates(decided), house.health, deadline=1e9, retry_limit=10.0)
    assert plan.first() == NextAttempt(SECOND, only=True)
    assert plan.after([failure(SECOND, BUSY)], 0.0) is None
    house.clock.passes(30)
    assert plan.after([failure(SECOND, BUSY)], 0.0) == NextAttempt(FIRST, only=True)
    incapable = Decision(
        both, (SECOND,), "names", "", dropped=(Dropped(FIRST.name, Drop.NO_TOOLS, "it calls no tools"),)
    )
    assert ordered_candidates(incapable) == (SECOND,)


def test_a_candidate_that_was_passed_over_is_tried_when_it_has_recovered() -> None:
    planned = Planned(FIRST, SECOND, candidate(model=3, provider=3))
    planned.house.fails(SECOND, 5)
    assert planned.fails(BUSY) == ("model3", 0.0)
    planned.house.clock.passes(30)
    assert planned.fails(BUSY) == ("model2", 0.0)


def test_a_route_with_retries_waits_for_the_first_to_recover() -> None:
    planned = Planned(FIRST, SECOND, candidate(model=3, provider=3), retries=1)
    planned.house.tried(SECOND, ErrorKind.RATE_LIMIT, retry_after=8.0)
    planned.house.tried(candidate(model=3, provider=3), ErrorKind.RATE_LIMIT, retry_after=2.0)
    assert planned.fails(ErrorKind.NOT_FOUND) == ("model3", 2.25)
    # Once, as the route retries once.
    assert planned.fails(ErrorKind.NOT_FOUND) is None


def test_a_rejection_by_the_circuit_breaker_takes_no_attempt_and_no_retry() -> None:
    planned = Planned(FIRST, SECOND, retries=1, max_attempts=2)
    planned.informs_health = False
    assert planned.fails(BUSY, code=REJECTED) == ("model2", 0.0)
    assert planned.fails(BROKEN) == ("model2", 0.25)
    assert planned.fails(BROKEN) is None


def test_after_a_wait_another_is_tried_where_the_candidate_cools_down_by_now() -> None:
    planned = Planned(FIRST, SECOND, retries=1)
    assert planned.fails(BROKEN) == ("model1", 0.25)
    assert planned.following is not None
    assert planned.plan.after_wait(planned.following) is planned.following
    planned.house.fails(FIRST, 5)
    assert planned.plan.after_wait(planned.following).candidate is SECOND


def test_no_wait_goes_beyond_the_deadline() -> None:
    planned = Planned(FIRST, SECOND, retries=2, deadline=10.0)
    planned.now = 9.0
    assert planned.fails(ErrorKind.RATE_LIMIT, retry_after=2.0) == ("model2", 0.0)
    planned.now = 10.0
    assert planned.fails(BROKEN) is None
    planned = Planned(FIRST, SECOND, retries=1, deadline=8.0)
    planned.house.tried(SECOND, ErrorKind.RATE_LIMIT, retry_after=8.0)
    assert planned.fails(ErrorKind.NOT_FOUND) is None


def test_after_an_interrupted_answer_the_same_candidate_is_the_last_choice() -> None:
    planned = Planned(FIRST, SECOND, retries=1)
    following = planned.plan.after([failure(FIRST, BROKEN)], 0.0, continues=True)
    assert following == NextAttempt(SECOND, only=True)
    following = planned.plan.after([failure(SECOND, BROKEN)], 0.0, continues=True)
    assert following == NextAttempt(SECOND, only=True, wait=0.25)


@pytest.mark.parametrize(
    "kind", [ErrorKind.AUTHENTICATION, ErrorKind.NOT_FOUND, ErrorKind.CONTEXT_OVERFLOW, ErrorKind.BILLING, None]
)
def test_what_a_provider_cannot_do_goes_to_the_next_and_not_again(kind: ErrorKind | None) -> None:
    assert Planned(FIRST, SECOND, retries=3).fails(kind) == ("model2", 0.0)


@pytest.mark.parametrize(
    "kind", [ErrorKind.INVALID_REQUEST, ErrorKind.TOO_LARGE, ErrorKind.TOTAL_TIMEOUT, ErrorKind.DEADLINE]
)
def test_what_another_would_not_do_better_ends_it(kind: ErrorKind) -> None:
    assert Planned(FIRST, SECOND, retries=3).fails(kind) is None


def test_another_credential_of_the_same_provider_comes_first() -> None:
    two = candidate(credential(1, position=0), credential(2, position=1))
    planned = Planned(two, SECOND)
    assert planned.fails(ErrorKind.AUTHENTICATION) == ("model1", 0.0)
    assert planned.fails(ErrorKind.RATE_LIMIT) == ("model2", 0.0)


def test_the_last_candidate_is_marked_as_the_only_one_left() -> None:
    planned = Planned(FIRST, SECOND)
    assert planned.following is not None
    assert not planned.following.only
    planned.fails(BUSY)
    assert planned.following.only


R, LONG = ErrorKind.RATE_LIMIT, ErrorKind.CONTEXT_OVERFLOW


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        # The first candidate's verdict on the request counts, whatever became of the fallbacks.
        ((LONG, BROKEN), LONG),
        ((LONG, R), LONG),
        # What is transient is worth sending again; a fallback's rejection would end the client's work.
        ((BROKEN, ErrorKind.INVALID_REQUEST), BROKEN),
        ((BUSY, LONG), BUSY),
        # A failure with a retry-after comes before one without.
        ((R, BROKEN), R),
        ((BROKEN, BUSY, ErrorKind.CONNECT), BUSY),
        ((ErrorKind.CONNECT, BROKEN), BROKEN),
        # What only an administrator can change comes last.
        ((ErrorKind.AUTHENTICATION, BROKEN), BROKEN),
        ((BROKEN, ErrorKind.NOT_FOUND), BROKEN),
        ((ErrorKind.AUTHENTICATION, LONG), LONG),
        ((ErrorKind.AUTHENTICATION, LONG, BROKEN), LONG),
        ((None, ErrorKind.BILLING), None),
        ((None, BROKEN), BROKEN),
        ((ErrorKind.BILLING, ErrorKind.NOT_FOUND), ErrorKind.NOT_FOUND),
    ],
)
def test_the_failure_that_the_client_gets(kinds: tuple[ErrorKind | None, ...], expected: ErrorKind | None) -> None:
    assert error_for_client([failure(FIRST, kind) for kind in kinds]).kind is expected


def test_the_shortest_retry_after_of_all_counts() -> None:
    failures = [failure(FIRST, R, retry_after=30.0), failure(FIRST, BROKEN), failure(SECOND, BUSY, retry_after=4.0)]
    assert shortest_retry_after(failures) == 4.0
    assert shortest_retry_after([failure(FIRST, BROKEN), failure(FIRST, None)]) is None


def test_what_is_usual_does_not_shrink_with_those_that_were_given_up() -> None:
    house = HealthDriver()
    for _ in range(20):
        house.begun(FIRST).first_byte(0.2)
    for _ in range(10):
        house.health.record_abandoned(FIRST, 0.5)
    assert house.health.first_byte_p95(FIRST) == 0.5


def test_a_second_attempt_beside_the_first() -> None:
    planned = Planned(FIRST, SECOND, hedges=True, max_attempts=3)
    assert planned.plan.hedge_after() is None
    for _ in range(20):
        planned.house.begun(FIRST).first_byte(0.2)
    assert planned.plan.hedge_after() == 0.2
    beside = planned.plan.hedge(0.0)
    assert beside is not None
    assert (beside.candidate, beside.only) == (SECOND, True)
    # Given up for the first, it has its turn when that one fails.
    planned.plan.cancel_hedge()
    assert planned.fails(BROKEN) == ("model2", 0.0)
    assert planned.plan.hedge_after() is None
    assert planned.plan.hedge(0.0) is None


def test_two_attempts_side_by_side_are_two_attempts() -> None:
    planned = Planned(FIRST, SECOND, candidate(model=3, provider=3), hedges=True, max_attempts=2)
    assert planned.plan.hedge(0.0) is not None
    assert planned.plan.after([failure(FIRST, BROKEN), failure(SECOND, BROKEN)], 0.0) is None
