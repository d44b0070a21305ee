"""One answer out of as many attempts as it takes: retries, fallbacks, waits, and the error when nobody answers."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from providers.errors import UnsupportedRequest, UpstreamError
from routing.decision import Decision
from streaming.attempts.attempt import Attempt
from streaming.attempts.continuation import Continuation, continuation
from streaming.attempts.hedging import race
from streaming.attempts.policy import Course, Failure, Step, lineup, most_telling, shortest_wait
from streaming.decision import tell
from streaming.encoding.encoder import Encoder
from streaming.exchange.exchange import Exchange
from streaming.ingress.claude import errors
from streaming.outcome import accounting
from streaming.runtime import Runtime

logger = logging.getLogger("gateway.request")


async def answer(exchange: Exchange, decision: Decision, runtime: Runtime) -> None:
    """Try until one attempt has answered.

    Raises ClaudeError with the most telling failure, or asyncio.CancelledError when the whole request ends.
    """
    if decision.route.deadline:
        exchange.limit(decision.route.deadline)
    course = Course(
        decision.route,
        lineup(decision),
        runtime.health,
        deadline=exchange.deadline,
        retry_limit=settings.RETRY_AFTER_LIMIT,
    )
    exchange.begin_answer(remembers=decision.route.continues)
    failures: list[Failure] = []
    broke_off: Failure | None = None
    onto: Continuation | None = None
    step: Step | None = course.first()
    while step is not None:
        if step.wait:
            await asyncio.sleep(step.wait)
            step = course.after_wait(step)
        failed = await _try(exchange, step, course, runtime, onto)
        if not failed:
            return
        failures += failed
        failure, encoder = failed[-1], exchange.encoder
        if encoder is not None and encoder.content_sent and exchange.streamed:
            if encoder.speaks:
                broke_off = failure
            onto = _onto(exchange, encoder, failure)
            if onto is None:
                break
        elif encoder is not None and encoder.content_sent:
            # Nothing of an answer in one piece has been sent, however much of it there was.
            exchange.begin_answer()
        elif encoder is not None:
            # Before any wait: what keeps the client waiting must not find a failed answer.
            encoder.restart()
        step = course.next(failed, exchange.loop.time(), goes_on=onto is not None)
    if broke_off is not None:
        # What broke off in the client's sight is what the client must hear of.
        raise _told(exchange, broke_off, None)
    raise _told(exchange, most_telling(failures), shortest_wait(failures))


def _onto(exchange: Exchange, encoder: Encoder, failure: Failure) -> Continuation | None:
    """How another attempt may go on with what the client has, if it may; the answer is ready for it then."""
    found = continuation(exchange.body, exchange.told.open_text() if exchange.told is not None else None)
    if found is not None:
        if encoder.speaks:
            exchange.parts.append(failure.record)
        encoder.resume()
    return found


async def _try(
    exchange: Exchange, step: Step, course: Course, runtime: Runtime, onto: Continuation | None
) -> list[Failure]:
    """One attempt, or two side by side; why it failed, the decisive failure last, or nothing when it has answered."""

    def begun(step: Step) -> Attempt:
        attempt = Attempt(exchange, step.candidate, only=step.only, onto=onto)
        tell(exchange, step.candidate, attempt.record.number)
        return attempt

    def beside() -> Attempt | None:
        another = course.beside(exchange.loop.time())
        return None if another is None else begun(another)

    async def run(attempt: Attempt) -> Failure | None:
        return await _run(exchange, attempt, runtime)

    first = begun(step)
    patience = course.patience() if onto is None else None
    if patience is None:
        failure = await run(first)
        return [] if failure is None else [failure]
    ran = await race(exchange, first, patience, beside, run)
    if ran.given_up is first:
        runtime.health.record_abandoned(first.candidate, ran.waited)
    elif ran.given_up is not None:
        course.withdraw()
    return ran.failed


async def _run(exchange: Exchange, attempt: Attempt, runtime: Runtime) -> Failure | None:
    """One attempt to its end, accounted for; None when it has answered."""
    try:
        await attempt.run(runtime.upstreams, runtime.health)
    except (UpstreamError, UnsupportedRequest) as error:
        accounting.attempt_failed(exchange, attempt, error)
        kind = error.kind.value if isinstance(error, UpstreamError) else "unsupported"
        fields = {"request_id": exchange.client.request_id, "kind": kind, "number": attempt.record.number}
        logger.debug("attempt failed", extra={"fields": fields})
        return Failure(error, attempt.candidate, attempt.record)
    except asyncio.CancelledError:
        accounting.attempt_ended(exchange, attempt)
        raise
    accounting.attempt_completed(exchange, attempt)
    return None


def _told(exchange: Exchange, failure: Failure, retry_after: float | None) -> errors.ClaudeError:
    exchange.speaker = failure.record
    error = failure.error
    if isinstance(error, UnsupportedRequest):
        return errors.of_unsupported(error)
    return errors.of_upstream(error, failure.candidate.provider.name, retry_after)
