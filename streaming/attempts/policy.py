"""Which candidate to try next, after which wait, and which failure the client gets. No input or output, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import Decision, Drop
from routing.health import REJECTED, CallerHealth, Health
from routing.snapshot import CandidateConfig, RouteConfig

FIRST_WAIT = 0.25
"""Longest wait before the first retry, in seconds; it doubles with each further one, up to LONGEST_WAIT."""
LONGEST_WAIT = 4.0

# What the same candidate may do better a moment later.
_TRANSIENT = frozenset(
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
_ABOUT_THE_REQUEST = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.CONTEXT_OVERFLOW, ErrorKind.TOO_LARGE})
_WITH_RETRY_AFTER = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED})
# Another credential of the same provider may succeed.
_ABOUT_THE_CREDENTIAL = frozenset(
    {ErrorKind.AUTHENTICATION, ErrorKind.BILLING, ErrorKind.PERMISSION, ErrorKind.RATE_LIMIT}
)


class Failure(msgspec.Struct, frozen=True):
    """A failed attempt: its error, its candidate and credential, and its number within the request."""

    error: UpstreamError | UnsupportedRequest
    candidate: CandidateConfig
    credential_id: int | None = None
    attempt: int = 1

    @property
    def kind(self) -> ErrorKind | None:
        """The kind of the error; None for a request that the provider's dialect cannot express."""
        return self.error.kind if isinstance(self.error, UpstreamError) else None

    @property
    def was_not_sent(self) -> bool:
        """Whether the circuit breaker rejected it before anything was sent."""
        return isinstance(self.error, UpstreamError) and self.error.code == REJECTED


class NextAttempt(msgspec.Struct, frozen=True):
    """The candidate of the next attempt and the wait before it in seconds. `only`: no other candidate is available."""

    candidate: CandidateConfig
    only: bool
    wait: float = 0.0


class AttemptPlan:
    """Walks through the candidates of a decision within the route's limits.

    `retry_limit` is the longest `retry-after` that is waited for, in seconds; `deadline` is when all attempts must end.
    """

    __slots__ = (
        "_before_hedge",
        "_current",
        "_deadline",
        "_dice",
        "_health",
        "_made",
        "_retried",
        "_retry_limit",
        "_route",
        "_untried",
        "_waited",
    )

    def __init__(
        self,
        route: RouteConfig,
        candidates: Sequence[CandidateConfig],
        health: Health | CallerHealth,
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
        self._current, *self._untried = candidates
        self._made = 1
        self._retried = 0
        self._waited = 0
        self._before_hedge = (self._current, 0)

    def first(self) -> NextAttempt:
        """Returns the first attempt."""
        return self._next(0.0)

    def hedge_after(self) -> float | None:
        """Returns the seconds after which a second attempt should start beside the first, None for never."""
        if not self._route.hedges or self._made >= self._route.max_attempts or not self._available():
            return None
        return self._health.first_byte_p95(self._current)

    def hedge(self, now: float) -> NextAttempt | None:
        """Returns the attempt to start beside the current one, if another is allowed."""
        if self._made >= self._route.max_attempts or now >= self._deadline:
            return None
        before = self._current, self._retried
        following = self._fallback()
        if following is not None:
            self._before_hedge = before
            self._made += 1
        return following

    def cancel_hedge(self, *, began: bool = True) -> None:
        """Puts the candidate of a hedge that lost, or never `began`, back among the untried ones."""
        self._made -= not began
        self._untried.insert(0, self._current)
        self._current, self._retried = self._before_hedge

    def after(self, failures: Sequence[Failure], now: float, *, continues: bool = False) -> NextAttempt | None:
        """Returns what follows the failure of the latest attempt, or of two side by side; None to give up.

        With `continues`, which is after an interrupted answer, the same candidate is the last choice.
        """
        # The circuit breaker's rejections are no attempts.
        self._made -= sum(failure.was_not_sent for failure in failures)
        if self._made >= self._route.max_attempts or now >= self._deadline:
            return None
        if any(isinstance(each.error, UpstreamError) and not each.error.retryable for each in failures):
            return None
        failure, following = failures[-1], None
        error = self._error_of_current(failure)
        if error is not None and not continues and not failure.was_not_sent:
            following = self._with_another_credential(error, failure) or self._retry(error, now)
        following = following or self._fallback()
        if following is None and error is not None:
            following = self._retry(error, now)
        following = following or self._after_cooling_down(now)
        if following is not None:
            self._made += 1
        return following

    def skip(self) -> NextAttempt | None:
        """Returns the attempt in place of one whose candidate may not be used; None where there is none."""
        return self._fallback()

    def after_wait(self, planned: NextAttempt) -> NextAttempt:
        """Returns the planned attempt after its wait, or a fallback where its candidate is cooling down by now."""
        return planned if self._health.cooling(planned.candidate) is None else self._fallback() or planned

    def _error_of_current(self, failure: Failure) -> UpstreamError | None:
        """The error by which the current candidate may be tried again, None where there is none."""
        error = failure.error
        return error if isinstance(error, UpstreamError) and failure.candidate is self._current else None

    def _with_another_credential(self, error: UpstreamError, failure: Failure) -> NextAttempt | None:
        """The same candidate at once, where its provider has a credential that was not refused."""
        if error.kind not in _ABOUT_THE_CREDENTIAL or self._health.cooling(failure.candidate) is not None:
            return None
        credential = self._health.credential(failure.candidate)
        return None if credential is None or credential.id == failure.credential_id else self._next(0.0)

    def _retry(self, error: UpstreamError, now: float) -> NextAttempt | None:
        """The same candidate after a wait, if the error is transient and every other candidate keeps an attempt."""
        available = len(self._available())
        if (
            error.kind not in _TRANSIENT
            or self._retried >= self._route.retries
            or self._made + available >= self._route.max_attempts
        ):
            return None
        # Full jitter: requests that failed together do not return together.
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._retried) * self._dice() + (error.retry_after or 0.0)
        cooling = self._health.cooling(self._current) or 0.0
        if cooling > wait:
            if available:
                return None
            wait = cooling
        if max(cooling, error.retry_after or 0.0) > self._retry_limit or now + wait >= self._deadline:
            return None
        self._retried += 1
        return self._next(wait)

    def _fallback(self) -> NextAttempt | None:
        """The next candidate that is not cooling down, at once."""
        available = self._available()
        return self._start(available[0], 0.0) if available else None

    def _after_cooling_down(self, now: float) -> NextAttempt | None:
        """The untried candidate that recovers first, after that wait; as often as the route retries."""
        waits = [(self._health.cooling(candidate) or 0.0, candidate) for candidate in self._untried]
        if not waits or self._waited >= self._route.retries:
            return None
        cooling, candidate = min(waits, key=lambda found: found[0])
        wait = cooling + FIRST_WAIT * self._dice()
        if cooling > self._retry_limit or now + wait >= self._deadline:
            return None
        self._waited += 1
        return self._start(candidate, wait)

    def _available(self) -> list[CandidateConfig]:
        """Untried candidates that are not cooling down."""
        return [candidate for candidate in self._untried if self._health.cooling(candidate) is None]

    def _start(self, candidate: CandidateConfig, wait: float) -> NextAttempt:
        self._untried.remove(candidate)
        self._current, self._retried = candidate, 0
        return self._next(wait)

    def _next(self, wait: float) -> NextAttempt:
        return NextAttempt(self._current, only=not self._available(), wait=wait)


def ordered_candidates(decision: Decision) -> tuple[CandidateConfig, ...]:
    """Returns the candidates of a decision, then those that were cooling down: they may recover by their turn."""
    if not decision.dropped:
        return decision.attempts
    cooling = {lost.candidate for lost in decision.dropped if lost.code is Drop.COOLING_DOWN}
    if not cooling:
        return decision.attempts
    return (*decision.attempts, *(each for each in decision.route.candidates if each.name in cooling))


def error_for_client(failures: Sequence[Failure]) -> Failure:
    """Returns the failure that the client gets; the latest of equals.

    A rejection of the request itself wins, unless a transient failure came before it. Then a transient failure wins,
    because the request is worth sending again, and among those one with a retry-after. Then a fallback's rejection of
    the request. What only an administrator can change comes last.
    """
    transient = [failure for failure in failures if failure.kind in _TRANSIENT]
    about = [failure for failure in failures if failure.kind is None or failure.kind in _ABOUT_THE_REQUEST]
    if transient:
        first = next(f for f in failures if f.kind in _TRANSIENT or f.kind in _ABOUT_THE_REQUEST)
        if first.kind in _ABOUT_THE_REQUEST:
            return first
        return next((failure for failure in reversed(transient) if failure.kind in _WITH_RETRY_AFTER), transient[-1])
    return (about or failures)[-1]


def shortest_retry_after(failures: Sequence[Failure]) -> float | None:
    """Returns the shortest retry-after of all failures in seconds, None when there is none."""
    waits = [
        f.error.retry_after for f in failures if isinstance(f.error, UpstreamError) and f.error.retry_after is not None
    ]
    return min(waits, default=None)
