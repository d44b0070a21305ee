"""The road of one POST /v1/messages, in the order in which it is travelled. Ends with exactly one usage row."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from django.conf import settings
from django.utils.timezone import localtime

from routing.facts import request_facts
from routing.snapshot import Snapshot
from streaming.attempts import run
from streaming.decision import decide
from streaming.exchange.exchange import Ending, Exchange
from streaming.ingress.claude import errors, intake
from streaming.ingress.claude.intake import Receive
from streaming.outcome import accounting
from streaming.runtime import Runtime
from usage.models import Outcome

logger = logging.getLogger("gateway.request")


async def relay(exchange: Exchange, receive: Receive, snapshot: Snapshot, runtime: Runtime) -> None:
    """Answer one authenticated request and account for it, whatever happens."""
    account = exchange.account
    try:
        await _answer(exchange, receive, snapshot, runtime)
        account.request.outcome = Outcome.COMPLETED
    except errors.ClaudeError as error:
        account.request.outcome = Outcome.FAILED if account.attempts else Outcome.REFUSED
        await _fail(exchange, error)
    except intake.ClientGone:
        account.request.outcome = Outcome.CLIENT_CLOSED
    except asyncio.CancelledError:
        await _interrupted(exchange)
    except Exception:
        logger.exception("unforeseen failure", extra={"fields": {"request_id": exchange.client.request_id}})
        account.request.outcome = Outcome.FAILED
        await _fail(
            exchange, errors.ClaudeError(500, "Something went wrong in the gateway. Its log has the request id.")
        )
    finally:
        exchange.close()
        accounting.close(exchange)


async def _answer(exchange: Exchange, receive: Receive, snapshot: Snapshot, runtime: Runtime) -> None:
    body = await intake.read_body(receive, exchange.headers)
    exchange.watch_client(receive)
    request = intake.parse(body)
    known = request_facts.gather(
        request, exchange.headers, len(body), runtime.ratios, key=exchange.key, now=localtime()
    )
    del body
    accounting.describe_request(exchange, known)
    intake.check(request)
    exchange.body, exchange.streamed, exchange.session_id = request, known.streamed, known.session_id
    exchange.input_estimate = known.input_estimate
    del request
    decision = await decide(exchange, known, snapshot, runtime)
    refusal = runtime.recorder.refusal()
    if refusal is not None and settings.UNACCOUNTED != "serve":
        raise errors.ClaudeError(
            529,
            f"This gateway serves nothing that it cannot account for, and {refusal}. Try again in a minute.",
            [(b"retry-after", b"30")],
            code="unaccountable",
        )
    await run.answer(exchange, decision, runtime)
    if exchange.encoder is not None and not exchange.parts:
        runtime.ratios.learn(known.session_id, known.weight, exchange.encoder.tokens.prompt)
    if exchange.fold is not None:
        await exchange.client.respond(200, msgspec.json.encode(exchange.fold.message()))


async def _fail(exchange: Exchange, error: errors.ClaudeError) -> None:
    """Tell the client: with a status while that is possible, with an error event after."""
    request, client = exchange.account.request, exchange.client
    request.error_type = error.type
    request.error_code = error.code
    if client.done:
        return
    if not client.started:
        await client.respond(error.status, errors.body(error.type, error.message, client.request_id), error.headers)
    elif exchange.encoder is not None:
        await client.finish(exchange.encoder.fail(error.type, error.message, client.request_id))


async def _interrupted(exchange: Exchange) -> None:
    request = exchange.account.request
    exchange.task.uncancel()
    if exchange.ending is Ending.SHUTDOWN:
        request.outcome = Outcome.INTERRUPTED
        error = errors.ClaudeError(529, "The gateway is restarting. Send the request again.", code="shutdown")
        # What the client has not read by now it will not read.
        try:
            async with asyncio.timeout(1.0):
                await _fail(exchange, error)
        except TimeoutError:
            logger.warning(
                "a client did not read its error event", extra={"fields": {"request_id": request.request_id}}
            )
    elif exchange.ending is Ending.CLIENT_CLOSED:
        request.outcome = Outcome.CLIENT_CLOSED
    else:
        request.outcome = Outcome.INTERRUPTED
        raise asyncio.CancelledError
    request.error_code = request.error_code or exchange.ending.value
