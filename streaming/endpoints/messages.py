"""POST /v1/messages: one request from its body to its end, in the order in which it happens.

Every request ends with exactly one usage row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from django.conf import settings

from providers.client_fields.rules import Asking
from providers.framing.text import written
from providers.offload import off_loop
from routing.facts import request_facts
from routing.health import CallerHealth, body_mark
from routing.snapshot import Snapshot
from streaming.attempts.run import answer_with_attempts
from streaming.decision import decide
from streaming.encoding import Sink
from streaming.endpoints import quota_probe
from streaming.exchange import local_time
from streaming.exchange.answer import Answer
from streaming.exchange.client import Receive
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending
from streaming.exchange.request import Body, Request
from streaming.ingress.claude import errors, intake, quota_headers
from streaming.ingress.claude.frames import MergingSseSink, SseSink
from streaming.ingress.claude.message import MessageFold
from streaming.limits import MESSAGES
from streaming.outcome import accounting, observers
from streaming.refused import RefusalKind, Refused
from streaming.runtime import Runtime
from usage.models import Outcome
from usage.sentence import Sentence

logger = logging.getLogger("gateway.request")

_COMPLETED: Final = Outcome.COMPLETED
_STREAMED: Final = MergingSseSink if settings.MERGE_TEXT_DELTAS else SseSink

_UNACCOUNTABLE_RETRY = 30.0
"""Seconds after which a client may try again when nothing can be accounted for."""

_ASK = "Ask an administrator of this gateway for a new one."
_ENDED: Final[Mapping[Ending, tuple[int, Sentence]]] = {
    Ending.SHUTDOWN: (529, Sentence("The gateway is restarting. Send the request again.", code="shutdown")),
    Ending.KEY_REVOKED: (
        401,
        Sentence("The client key was revoked while this answer was under way. " + _ASK, code="key_revoked"),
    ),
    Ending.KEY_EXPIRED: (
        401,
        Sentence("The client key expired while this answer was under way. " + _ASK, code="key_expired"),
    ),
    Ending.KEY_DELETED: (
        401,
        Sentence("The client key was deleted while this answer was under way. " + _ASK, code="key_deleted"),
    ),
    Ending.KEY_REPLACED: (
        401,
        Sentence(
            "The secret of this client key was replaced while this answer was under way. Send the request again with "
            "the new one.",
            code="key_replaced",
        ),
    ),
    Ending.KEY_DISABLED: (
        403,
        Sentence(
            "The client key was disabled while this answer was under way. Ask an administrator of this gateway to "
            "enable it.",
            code="key_disabled",
        ),
    ),
    Ending.TEAM_DISABLED: (
        403,
        Sentence(
            "The client key's team was disabled while this answer was under way. Ask an administrator of this gateway.",
            code="team_disabled",
        ),
    ),
    Ending.OWNER_DISABLED: (
        403,
        Sentence(
            "The client key's owner was disabled while this answer was under way. Ask an administrator of this "
            "gateway.",
            code="owner_disabled",
        ),
    ),
    Ending.OWNER_LEFT: (
        403,
        Sentence(
            "The client key's owner left the team while this answer was under way. Ask for a key of your own.",
            code="owner_left",
        ),
    ),
    Ending.CUT: (
        403,
        Sentence(
            "An administrator of this gateway, or a lead of the client key's team, cut this answer off. Ask them "
            "before you send the request again.",
            code="cut_by_administrator",
        ),
    ),
    Ending.SESSION_ENDED: (
        401,
        Sentence(
            "Your session or your right to use the playground ended while this answer was under way. Sign in again.",
            code="session_ended",
        ),
    ),
}
"""Status and message where the gateway ends a request; not where the client leaves."""


async def relay(exchange: Exchange, receive: Receive, snapshot: Snapshot, runtime: Runtime) -> None:
    """Answers one authenticated request and accounts for it, whatever happens."""
    exchange.client.quota_headers = quota_headers.of_answer
    runtime.exchanges.add(exchange)
    runtime.sweeper.wake()
    try:
        await _answer(exchange, receive, snapshot, runtime)
        exchange.outcome = _COMPLETED
    except Refused as error:
        exchange.outcome = _outcome_of_failure(exchange)
        await _fail(exchange, errors.of_refused(error))
    except errors.ClaudeError as error:
        exchange.outcome = _outcome_of_failure(exchange)
        await _fail(exchange, error)
    except intake.ClientGone:
        exchange.outcome = Outcome.CLIENT_CLOSED
    except asyncio.CancelledError:
        await _interrupted(exchange)
    except Exception:
        logger.exception("unforeseen failure", extra={"fields": {"request_id": exchange.client.request_id}})
        exchange.outcome = Outcome.FAILED
        await _fail(exchange, errors.unforeseen())
    finally:
        try:
            exchange.close()
            observers.request_ended(exchange)
        finally:
            runtime.exchanges.discard(exchange)
            runtime.ended.append(exchange.account.request)


async def _answer(exchange: Exchange, receive: Receive, snapshot: Snapshot, runtime: Runtime) -> None:
    client, account = exchange.client, exchange.account
    exchange.share = share = runtime.load.enter(exchange.key.id)
    body = await intake.read_body(receive, exchange.headers, share)
    exchange.watch_client(receive)
    exchange.caller.body = body_mark(body)
    content, heavy = await intake.parsed(body) if len(body) > intake.BIG else intake.parsed_here(body)
    known = exchange.headers, len(body), runtime.ratios, exchange.key, local_time.present()
    del body
    gather = request_facts.gather
    facts = await off_loop(partial(gather, content, *known)) if heavy else gather(content, *known)
    accounting.describe_request(account, facts)
    # The tags are for routing alone.
    tagged = bool(facts.subagent_tag)
    content = await off_loop(intake.checked, content, tagged) if heavy else intake.checked(content, tagged)
    request = Request(
        client.request_id,
        facts.request_model,
        Body(content, share),
        exchange.headers,
        facts.streamed,
        facts.session_id,
        facts.input_estimate,
        heavy,
        Asking(exchange.key, facts.refers),
    )
    if quota_probe.matches(content, exchange.headers) and settings.QUOTA_PROBE == "answer":
        await quota_probe.answer(exchange, request)
        return
    del content
    health = CallerHealth(runtime.health, exchange.caller)
    decision = await decide(exchange, facts, health, snapshot, runtime)
    refusal = runtime.refusal()
    if refusal is not None:
        raise Refused(
            RefusalKind.OVERLOADED,
            Sentence(
                "This gateway serves nothing that it cannot account for, and {refusal}. Try again in a minute.",
                code="unaccountable",
                refusal=refusal,
            ),
            retry_after=_UNACCOUNTABLE_RETRY,
            code="unaccountable",
        )
    if exchange.key.limits:
        exchange.held = await runtime.limits.take(exchange.key, MESSAGES, facts.input_estimate, facts.session_id)
    exchange.answer = answer = Answer(
        request,
        exchange.lifecycle,
        _sink(request),
        f"msg_{client.request_id.removeprefix('req_')}",
        client,
        decision.route.continues,
    )
    await answer_with_attempts(exchange, request, answer, decision, health, runtime)
    if not answer.interrupted_attempts:
        runtime.ratios.learn(facts.session_id, facts.weight, answer.encoder.tokens.prompt)
    if isinstance(answer.sink, MessageFold):
        await client.respond(200, written(answer.sink.message()))


def _outcome_of_failure(exchange: Exchange) -> Outcome:
    return Outcome.FAILED if exchange.account.attempts else Outcome.REFUSED


async def _fail(exchange: Exchange, error: errors.ClaudeError) -> None:
    """Sends an error: with a status while that is possible, with an error event after."""
    client, answer = exchange.client, exchange.answer
    exchange.error_type = error.type
    exchange.error_code = error.code
    # A message that may hold a client's or a provider's words is not stored; the row says at least what it was.
    why = error.why or Sentence("The gateway answered with {type}.", code="unexplained", type=error.type)
    exchange.error_message, exchange.sentence_code = str(why), why.code
    if client.done:
        return
    if not client.started:
        await client.respond(error.status, error.body(client.request_id), error.headers)
    elif answer is not None:
        await client.finish(answer.encoder.fail(error.type, error.message, client.request_id))


async def _interrupted(exchange: Exchange) -> None:
    ending = exchange.lifecycle.ending
    exchange.lifecycle.task.uncancel()
    if ending is None:
        exchange.outcome = Outcome.INTERRUPTED
        raise asyncio.CancelledError
    ended = _ENDED.get(ending)
    if ended is None:
        exchange.outcome = Outcome.CLIENT_CLOSED
    else:
        exchange.outcome = Outcome.INTERRUPTED
        # A client that does not read now will not read at all.
        try:
            async with asyncio.timeout(1.0):
                await _fail(exchange, errors.ClaudeError(*ended, code=ending.value))
        except TimeoutError:
            logger.warning(
                "a client did not read its error event", extra={"fields": {"request_id": exchange.client.request_id}}
            )
    exchange.error_code = exchange.error_code or ending.value


def _sink(request: Request) -> Callable[[], Sink]:
    if not request.streamed:
        return MessageFold
    return _STREAMED
