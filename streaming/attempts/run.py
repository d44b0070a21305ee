"""One answer out of as many attempts as it takes: retries, fallbacks, waits, and the refusal when none succeeds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

import msgspec

from providers.errors import UnsupportedRequest, UpstreamError
from providers.events import MessageFinished
from routing.decision import Decision
from routing.health import CallerHealth
from routing.snapshot import CandidateConfig
from streaming import refused
from streaming.attempts.attempt import Attempt
from streaming.attempts.continuation import Continuation, continuation
from streaming.attempts.hedging import Race, race
from streaming.attempts.policy import (
    AttemptPlan,
    Failure,
    NextAttempt,
    error_for_client,
    ordered_candidates,
    shortest_retry_after,
)
from streaming.budgets.request import AttemptMoney, RequestBudgets
from streaming.decision import announce_model
from streaming.exchange.answer import Answer
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending
from streaming.exchange.request import Request
from streaming.outcome import accounting, observers
from streaming.runtime import Runtime
from usage.models import Outcome

logger = logging.getLogger("gateway.request")

_COMPLETED: Final = Outcome.COMPLETED


async def answer_with_attempts(
    exchange: Exchange,
    request: Request,
    answer: Answer,
    decision: Decision,
    health: CallerHealth,
    runtime: Runtime,
) -> None:
    """Returns once an attempt has answered.

    Raises Refused for the failure that the client gets, or asyncio.CancelledError when the whole request ends.
    """
    lifecycle = exchange.lifecycle
    if decision.route.deadline:
        lifecycle.limit(decision.route.deadline)
    if exchange.key.budgets:
        exchange.budgets = RequestBudgets(runtime.budgets, exchange.key, exchange.account)
    runner = _Runner(exchange, request, answer, decision, ordered_candidates(decision), runtime, health)
    failures: list[Failure] = []
    interrupted: Failure | None = None
    planned: NextAttempt | None = runner.first()
    while planned is not None:
        if planned.wait:
            await asyncio.sleep(planned.wait)
            planned = runner.plan().after_wait(planned)
        failed = await runner.attempt(planned, failures)
        if failed is None:
            break
        if not failed:
            return
        failures += failed
        if answer.stream is not None and answer.encoder.has_new_content:
            interrupted = failed[-1]
        if not runner.prepare_next(failed[-1]):
            break
        planned = runner.plan().after(failed, lifecycle.loop.time(), continues=runner.continuing is not None)
    if interrupted is not None:
        # The client saw this attempt break off, so this is the failure that it gets.
        raise _refused(answer, interrupted, None)
    raise _refused(answer, error_for_client(failures), shortest_retry_after(failures))


class _Runner(msgspec.Struct, eq=False):
    """Runs the attempts of one request. `continuing` is the answer that the next one continues."""

    _exchange: Exchange
    _request: Request
    _answer: Answer
    _decision: Decision
    _candidates: Sequence[CandidateConfig]
    _runtime: Runtime
    _health: CallerHealth
    _plan: AttemptPlan | None = None
    continuing: Continuation | None = None

    def first(self) -> NextAttempt:
        """Returns the first attempt. A sole candidate takes no plan until it fails."""
        candidates = self._candidates
        return NextAttempt(candidates[0], True) if len(candidates) == 1 else self.plan().first()

    def plan(self) -> AttemptPlan:
        """Returns what says which attempt follows."""
        if self._plan is None:
            self._plan = AttemptPlan(
                self._decision.route,
                self._candidates,
                self._health,
                deadline=self._exchange.lifecycle.deadline,
                retry_limit=self._runtime.retry_limit,
            )
        return self._plan

    def attempt(self, planned: NextAttempt, earlier: Sequence[Failure]) -> Awaitable[list[Failure] | None]:
        """One attempt, or two side by side. Returns the failures, the decisive one last, or none after an answer; None
        where no further candidate may be used.

        Raises Refused where the budgets do not cover it, unless a stream has begun: it ends.
        """
        if self._exchange.budgets is not None:
            return self._within_budgets(planned, earlier)
        return self._attempt(planned, None)

    async def _within_budgets(self, planned: NextAttempt, earlier: Sequence[Failure]) -> list[Failure] | None:
        """One attempt, or two side by side, for which the budgets have money."""
        try:
            paid = await self._reserved(planned, earlier)
            return None if paid is None else await self._attempt(*paid)
        except refused.Refused:
            if not await self._end_short(earlier):
                raise
            return []

    async def _reserved(
        self, planned: NextAttempt, earlier: Sequence[Failure]
    ) -> tuple[NextAttempt, AttemptMoney | None] | None:
        """Returns the attempt, or the next one that may be made in its place, with the money that is reserved for it;
        None where there is none. Raises Refused."""
        budgets, following = self._exchange.budgets, planned
        assert budgets is not None
        while True:
            try:
                asked = self._asked()
                reserved = budgets.reserve_now(following.candidate, *asked)
                money = await budgets.reserve(following.candidate, *asked) if reserved is False else reserved
            except refused.Refused as error:
                if not earlier or error.kind is not refused.RefusalKind.FORBIDDEN:
                    raise
                # A fallback without a price is no candidate; what failed before it is what the client gets.
                instead = self.plan().skip()
                if instead is None:
                    return None
                following = instead
            else:
                self._exchange.quota = budgets.quota
                return following, money

    def _attempt(self, planned: NextAttempt, money: AttemptMoney | None) -> Awaitable[list[Failure]]:
        first = self._begin(planned, money)
        may_hedge = self.continuing is None and len(self._candidates) > 1
        hedge_after = self.plan().hedge_after() if may_hedge else None
        return self._run(first) if hedge_after is None else self._race(first, hedge_after)

    async def _race(self, first: Attempt, hedge_after: float) -> list[Failure]:
        ran = Race(self._exchange.lifecycle, self._run, announce=self._won, abandon=self._cut_off)
        await race(ran, first, hedge_after, self._hedge)
        if ran.given_up is first:
            self._health.record_abandoned(first.candidate, ran.waited)
        elif ran.given_up is not None:
            self.plan().cancel_hedge()
        return ran.failed

    def prepare_next(self, failure: Failure) -> bool:
        """Makes the answer ready for another attempt; returns whether one may follow."""
        answer, encoder = self._answer, self._answer.encoder
        if not encoder.content_sent:
            # Before any wait: pings must not find a failed answer.
            encoder.restart()
        elif answer.stream is None:
            # Nothing of an answer in one piece has been sent, however much of it there was.
            answer.start_over()
        else:
            texts = answer.transcript.open_text() if answer.transcript is not None else None
            self.continuing = continuation(self._request.body.content, texts)
            if self.continuing is None:
                return False
            if encoder.has_new_content:
                answer.interrupted_attempts.append(failure.attempt)
            encoder.resume()
        return True

    async def _end_short(self, failures: Sequence[Failure]) -> bool:
        """Ends a stream whose next attempt the budgets refused as if it had reached its limit; returns whether one had
        begun. Clients take an error event for a fault, also where nothing but pings was sent."""
        budgets, stream, encoder = self._exchange.budgets, self._answer.stream, self._answer.encoder
        if budgets is None or stream is None or not encoder.started or encoder.finished or encoder.failed is not None:
            return False
        account = self._exchange.account
        self._answer.answering_attempt = number = failures[-1].attempt if failures else len(account.attempts)
        accounting.ended_short(account, number)
        await budgets.mark_refused()
        await stream.finish(encoder.feed([MessageFinished("max_tokens")]) + encoder.finish())
        return True

    def _asked(self) -> tuple[Mapping[str, Any], int]:
        """The client's request, and about how many tokens the prompt of the next attempt has."""
        request, more = self._request, 0 if self.continuing is None else self.continuing.tokens
        return request.body.content or {}, request.input_estimate + more

    def _begin(self, planned: NextAttempt, money: AttemptMoney | None = None) -> Attempt:
        self._answer.has_begun = True
        record = accounting.begin_attempt(self._exchange.account, planned.candidate)
        if money is not None:
            money.begin(record)
        attempt = Attempt(
            planned.candidate,
            self._request,
            self._answer,
            self._exchange.lifecycle,
            record.id,
            record.number,
            planned.only,
            self._admit,
        )
        attempt.continuing, attempt.money = self.continuing, money
        self._announce(attempt)
        return attempt

    def _hedge(self) -> Attempt | None:
        planned, budgets = self.plan().hedge(self._exchange.lifecycle.loop.time()), self._exchange.budgets
        if planned is None or budgets is None:
            return None if planned is None else self._begin(planned)
        try:
            money = budgets.reserve_now(planned.candidate, *self._asked())
        except refused.Refused:
            # Its model has no price; the first attempt goes on.
            money = False
        if money is False:
            self.plan().cancel_hedge(began=False)
            return None
        return self._begin(planned, money)

    def _admit(self, attempt: Attempt) -> Awaitable[None] | None:
        if accounting.admit(self._exchange.account, attempt) or attempt.money is None:
            return None
        return attempt.money.lacks_journal()

    def _announce(self, attempt: Attempt) -> None:
        announce_model(self._exchange, self._answer.encoder, self._decision, attempt.candidate, attempt.number)

    def _won(self, attempt: Attempt) -> None:
        # Both have announced themselves by now; this one answers.
        self._answer.note_fidelity(attempt.notes)
        self._announce(attempt)

    async def _run(self, attempt: Attempt) -> list[Failure]:
        """One attempt to its end; returns its failure, none when it has answered."""
        try:
            await attempt.run(self._runtime.upstreams, self._health)
        except (UpstreamError, UnsupportedRequest) as error:
            attempt.outcome = Outcome.FAILED
            observers.attempt_ended(self._exchange, attempt, error)
            _drop_frames(error)
            credential = attempt.credential
            identity = None if credential is None else credential.id
            return [Failure(error, attempt.candidate, identity, attempt.number)]
        except asyncio.CancelledError:
            self._cut_off(attempt)
            raise
        except Exception:
            # Refused before anything was sent, or unforeseen: what was reserved is settled all the same.
            attempt.outcome = Outcome.FAILED
            observers.attempt_ended(self._exchange, attempt, None)
            raise
        attempt.outcome = _COMPLETED
        self._answer.answering_attempt = attempt.number
        observers.attempt_ended(self._exchange, attempt, None)
        return []

    def _cut_off(self, attempt: Attempt) -> None:
        """Notes that an attempt was cancelled from this side."""
        closed = not attempt.lost and self._exchange.lifecycle.ending is Ending.CLIENT_CLOSED
        attempt.outcome = Outcome.CLIENT_CLOSED if closed else Outcome.INTERRUPTED
        observers.attempt_ended(self._exchange, attempt, None)


def _drop_frames(error: BaseException) -> None:
    """Makes an error fit to be kept: since Python 3.12 its frames lead back to whoever keeps it, which is a cycle."""
    error.__traceback__ = error.__cause__ = error.__context__ = None


def _refused(answer: Answer, failure: Failure, retry_after: float | None) -> refused.Refused:
    answer.answering_attempt = failure.attempt
    error = failure.error
    if isinstance(error, UnsupportedRequest):
        return refused.of_unsupported(error, failure.candidate.provider.name)
    return refused.of_upstream(error, failure.candidate.provider.name, retry_after)
