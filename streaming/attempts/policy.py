"""Whom to try next, after which wait, and what to tell the caller when nobody answers. No input or output, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import Decision, Drop
from routing.health import REJECTED, Health
from routing.snapshot import CandidateConfig, RouteConfig
from usage.journal.records import AttemptRecord

FIRST_WAIT = 0.25
"""Seconds that the first retry waits at most; each further one twice as long, up to LONGEST_WAIT."""
LONGEST_WAIT = 4.0

# What the same candidate may do better a moment later.
_PASSING = frozenset(
    {
        ErrorKind.CONFLICT,
        ErrorKind.RATE_LIMIT,
        ErrorKind.OVERLOADED,
        ErrorKind.SERVER,
        ErrorKind.CONNECT,
        ErrorKind.CONNECT_TIMEOUT,
        ErrorKind.FIRST_EVENT_TIMEOUT,
        ErrorKind.IDLE_TIMEOUT,
        ErrorKind.CONNECTION_LOST,
        ErrorKind.TRUNCATED,
        ErrorKind.MALFORMED,
        ErrorKind.TOTAL_TIMEOUT,
        ErrorKind.DEADLINE,
    }
)
_OF_THE_REQUEST = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.CONTEXT_OVERFLOW, ErrorKind.TOO_LARGE})
_SAYS_WHEN = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED})
# Another credential of the same provider may be treated better.
_OF_THE_CREDENTIAL = frozenset(
    {ErrorKind.AUTHENTICATION, ErrorKind.BILLING, ErrorKind.PERMISSION, ErrorKind.RATE_LIMIT}
)


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed, and how."""

    error: UpstreamError | UnsupportedRequest
    candidate: CandidateConfig
    record: AttemptRecord

    @property
    def kind(self) -> ErrorKind | None:
        """Its kind; None for a request that could not be said in the provider's dialect."""
        return self.error.kind if isinstance(self.error, UpstreamError) else None

    @property
    def was_not_sent(self) -> bool:
        """Whether health let it not through: nobody was asked."""
        return isinstance(self.error, UpstreamError) and self.error.code == REJECTED


class Step(msgspec.Struct, frozen=True):
    """The next attempt: at whom, after how many seconds. `only`: nobody else is left after it."""

    candidate: CandidateConfig
    only: bool
    wait: float = 0.0


class Course:
    """The way through a decision's candidates, within the route's limits.

    `retry_limit` is the most seconds that a provider may ask to be left alone, `deadline` when all must be over.
    """

    __slots__ = (
        "_before",
        "_deadline",
        "_dice",
        "_health",
        "_left",
        "_made",
        "_now",
        "_retried",
        "_retry_limit",
        "_route",
        "_waited",
    )

    def __init__(
        self,
        route: RouteConfig,
        candidates: Sequence[CandidateConfig],
        health: Health,
        *,
        deadline: float,
        retry_limit: float,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._route = route
        self._health = health
        self._deadline = deadline
        self._retry_limit = retry_limit
        self._dice = dice
        self._now, *self._left = candidates
        self._made = 1
        self._retried = 0
        self._waited = 0
        self._before = (self._now, 0)

    def first(self) -> Step:
        """The first attempt."""
        return self._step(0.0)

    def patience(self) -> float | None:
        """Seconds after which another attempt should begin beside the latest, None when none should."""
        if not self._route.hedges or self._made >= self._route.max_attempts or not self._well():
            return None
        return self._health.first_byte_p95(self._now)

    def beside(self, now: float) -> Step | None:
        """The attempt that begins beside the latest one, if one may."""
        if self._made >= self._route.max_attempts or now >= self._deadline:
            return None
        before = self._now, self._retried
        step = self._fallback()
        if step is not None:
            self._before = before
            self._made += 1
        return step

    def withdraw(self) -> None:
        """The attempt that began beside another was given up: its candidate has not had its turn."""
        self._left.insert(0, self._now)
        self._now, self._retried = self._before

    def next(self, failures: Sequence[Failure], now: float, *, goes_on: bool = False) -> Step | None:
        """What follows the failures of the latest attempt, or of two side by side; None when it was the last one.

        With `goes_on`, which is when an answer broke off, the same candidate is asked only where there is no other.
        """
        # What health did not let through was asked of nobody.
        self._made -= sum(failure.was_not_sent for failure in failures)
        if self._made >= self._route.max_attempts or now >= self._deadline:
            return None
        if any(isinstance(each.error, UpstreamError) and not each.error.retryable for each in failures):
            return None
        failure = failures[-1]
        error, step = failure.error, None
        again = isinstance(error, UpstreamError) and failure.candidate is self._now
        if isinstance(error, UpstreamError) and again and not goes_on and not failure.was_not_sent:
            step = self._with_another_credential(error, failure) or self._again(error, now)
        step = step or self._fallback()
        if step is None and isinstance(error, UpstreamError) and again:
            step = self._again(error, now)
        step = step or self._later(now)
        if step is not None:
            self._made += 1
        return step

    def after_wait(self, step: Step) -> Step:
        """The attempt after its wait; another one where health lets nobody ask its candidate any more."""
        return step if self._health.cooling(step.candidate) is None else self._fallback() or step

    def _with_another_credential(self, error: UpstreamError, failure: Failure) -> Step | None:
        """The same candidate at once, where its provider has a credential that was not refused."""
        if error.kind not in _OF_THE_CREDENTIAL or self._health.cooling(failure.candidate) is not None:
            return None
        credential = self._health.credential(failure.candidate)
        return None if credential is None or credential.id == failure.record.credential_id else self._step(0.0)

    def _again(self, error: UpstreamError, now: float) -> Step | None:
        """The same candidate after a wait, while it may pass by itself, and while the others keep an attempt each."""
        well = len(self._well())
        if (
            error.kind not in _PASSING
            or self._retried >= self._route.retries
            or self._made + well >= self._route.max_attempts
        ):
            return None
        # Full jitter: those that failed together do not come back together.
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._retried) * self._dice() + (error.retry_after or 0.0)
        cooling = self._health.cooling(self._now) or 0.0
        if cooling > wait:
            if well:
                return None
            wait = cooling
        if max(cooling, error.retry_after or 0.0) > self._retry_limit or now + wait >= self._deadline:
            return None
        self._retried += 1
        return self._step(wait)

    def _fallback(self) -> Step | None:
        """The next candidate that is not cooling down, at once."""
        well = self._well()
        return self._turn(well[0], 0.0) if well else None

    def _later(self, now: float) -> Step | None:
        """The first of those that are cooling down to be well again, after that wait, as often as the route retries."""
        waits = [(self._health.cooling(candidate) or 0.0, candidate) for candidate in self._left]
        if not waits or self._waited >= self._route.retries:
            return None
        cooling, candidate = min(waits, key=lambda found: found[0])
        wait = cooling + FIRST_WAIT * self._dice()
        if cooling > self._retry_limit or now + wait >= self._deadline:
            return None
        self._waited += 1
        return self._turn(candidate, wait)

    def _well(self) -> list[CandidateConfig]:
        """Who has not had a turn and is not cooling down."""
        return [candidate for candidate in self._left if self._health.cooling(candidate) is None]

    def _turn(self, candidate: CandidateConfig, wait: float) -> Step:
        self._left.remove(candidate)
        self._now, self._retried = candidate, 0
        return self._step(wait)

    def _step(self, wait: float) -> Step:
        return Step(self._now, only=not self._well(), wait=wait)


def lineup(decision: Decision) -> tuple[CandidateConfig, ...]:
    """The candidates of a decision, and last those that were cooling down then: they may be well by their turn."""
    cooling = {lost.candidate for lost in decision.dropped if lost.code is Drop.COOLING_DOWN}
    if not cooling:
        return decision.attempts
    return (*decision.attempts, *(each for each in decision.route.candidates if each.name in cooling))


def most_telling(failures: Sequence[Failure]) -> Failure:
    """Which of an answer's failures the caller is told.

    A refusal of the request itself, unless something failed before it that may pass; else what may pass, as the request
    is worth sending again, and before all what says when; then a refusal of the request by a fallback; last, what only
    an administrator can change. The latest of equals.
    """
    passing = [failure for failure in failures if failure.kind in _PASSING]
    about = [failure for failure in failures if failure.kind is None or failure.kind in _OF_THE_REQUEST]
    if passing:
        first = next(f for f in failures if f.kind in _PASSING or f.kind in _OF_THE_REQUEST)
        if first.kind in _OF_THE_REQUEST:
            return first
        return next((failure for failure in reversed(passing) if failure.kind in _SAYS_WHEN), passing[-1])
    return (about or failures)[-1]


def shortest_wait(failures: Sequence[Failure]) -> float | None:
    """Seconds until the first of those that failed wants to be asked again, None when none said."""
    waits = [
        f.error.retry_after for f in failures if isinstance(f.error, UpstreamError) and f.error.retry_after is not None
    ]
    return min(waits, default=None)
