"""From what happened to the usage row and its log line: names, numbers and short words only."""

from __future__ import annotations

import logging
import re

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.events import Tokens
from routing.decision import Decision, RouteRefused
from routing.facts.request_facts import RequestFacts, stored_facts
from streaming.attempts.attempt import Attempt
from streaming.exchange.exchange import Ending, Exchange
from usage.cost import cost, in_force
from usage.journal.records import AttemptRecord, RequestRecord, known_sum
from usage.models import Outcome

logger = logging.getLogger("gateway.request")

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
)
_NOT_A_CODE = re.compile(r"[^A-Za-z0-9_.-]+")


def describe_request(exchange: Exchange, known: RequestFacts) -> None:
    """What the request says of itself."""
    request = exchange.account.request
    request.request_model = known.request_model
    request.session_id = known.session_id
    request.agent_id = known.agent_id
    request.client = known.client
    request.streamed = known.streamed


def describe_decision(exchange: Exchange, known: RequestFacts, decision: Decision) -> None:
    """Which route was chosen, and why."""
    request = exchange.account.request
    exchange.decision = decision
    request.route_id, request.route_name = decision.route.id, decision.route.name
    request.phase, request.rule = decision.phase, decision.rule
    request.decision = decision.explained() | {"facts": stored_facts(known)}
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("routing decision", extra={"fields": {"request_id": request.request_id, **decision.explained()}})


def describe_refusal(exchange: Exchange, known: RequestFacts, error: RouteRefused) -> None:
    """Why no route was chosen, or none of its candidates."""
    exchange.account.request.decision = error.explained() | {"facts": stored_facts(known)}


def attempt_completed(exchange: Exchange, attempt: Attempt) -> None:
    """The candidate answered to the end."""
    record = _measured(exchange, attempt)
    record.outcome = Outcome.COMPLETED
    exchange.speaker = record
    if exchange.encoder is not None:
        record.stop_reason = exchange.encoder.stop_reason or ""


def attempt_failed(exchange: Exchange, attempt: Attempt, error: UpstreamError | UnsupportedRequest) -> None:
    """The candidate failed; what it had reported by then is kept. Its wording is not: providers quote prompts."""
    record = _measured(exchange, attempt)
    record.outcome = Outcome.FAILED
    if isinstance(error, UpstreamError):
        record.error_type = error.kind.value
        record.error_code = _NOT_A_CODE.sub("_", error.code or "")[:64]
    else:
        record.error_type = ErrorKind.INVALID_REQUEST.value


def attempt_ended(exchange: Exchange, attempt: Attempt) -> None:
    """The attempt was cut off from this side; where it lost a race, its tokens are the provider's secret."""
    record = _measured(exchange, attempt)
    if attempt.lost:
        record.outcome, record.error_code = Outcome.INTERRUPTED, "hedged"
        return
    closed = exchange.ending is Ending.CLIENT_CLOSED
    record.outcome = Outcome.CLIENT_CLOSED if closed else Outcome.INTERRUPTED


def close(exchange: Exchange) -> None:
    """Complete the request's record from the attempt that the client heard of, write its log line and hand it on."""
    account, request = exchange.account, exchange.account.request
    request.http_status = exchange.client.status
    if account.attempts:
        last = exchange.speaker or account.attempts[-1]
        _take_over(request, last, account.attempts)
        if exchange.parts:
            _add_up(request, exchange.parts if last in exchange.parts else [*exchange.parts, last])
    account.close()
    if logger.isEnabledFor(logging.INFO):
        logger.info("request", extra={"fields": _line(request)})


def _measured(exchange: Exchange, attempt: Attempt) -> AttemptRecord:
    account, record = exchange.account, attempt.record
    account.close_attempt(record)
    record.fidelity = list(attempt.notes)
    # What the encoder knows is of the attempt that speaks through it.
    encoder = exchange.encoder if attempt.spoke else None
    tokens = encoder.tokens if encoder is not None else Tokens()
    if encoder is not None and encoder.speaks and not encoder.finished:
        # The provider bills what it said, though it could not tell how much that was.
        tokens = encoder.estimated()
        record.estimated = True
    elif encoder is not None and encoder.cut_short:
        record.estimated = True
    record.input_tokens = tokens.input
    record.cache_read_tokens = tokens.cache_read
    record.cache_write_tokens = tokens.cache_write
    record.cache_write_1h_tokens = tokens.cache_write_1h
    record.output_tokens = tokens.output
    record.reasoning_tokens = tokens.reasoning
    record.web_searches = tokens.web_searches
    record.provider_cost = tokens.cost
    # One request, one moment: what takes effect while it runs is for the next one.
    prices = in_force(attempt.candidate.model.prices, account.request.started_at.timestamp())
    record.cost = cost(
        prices,
        input=tokens.input,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        cache_write_1h=tokens.cache_write_1h,
        output=tokens.output,
        web_searches=tokens.web_searches,
    )
    record.price_id = None if record.cost is None else prices.id
    return record


def _take_over(request: RequestRecord, last: AttemptRecord, attempts: list[AttemptRecord]) -> None:
    """What the client heard of is the request's; the costs of all attempts are its cost."""
    request.provider_id, request.provider_name = last.provider_id, last.provider_name
    request.model_id, request.model_name = last.model_id, last.model_name
    request.stop_reason, request.fidelity = last.stop_reason, last.fidelity
    request.input_tokens, request.output_tokens = last.input_tokens, last.output_tokens
    request.cache_read_tokens, request.cache_write_tokens = last.cache_read_tokens, last.cache_write_tokens
    request.cache_write_1h_tokens, request.web_searches = last.cache_write_1h_tokens, last.web_searches
    request.reasoning_tokens = last.reasoning_tokens
    request.price_id, request.estimated = last.price_id, last.estimated
    request.cost = known_sum(attempt.cost for attempt in attempts)
    request.provider_cost = known_sum(attempt.provider_cost for attempt in attempts)


def _add_up(request: RequestRecord, parts: list[AttemptRecord]) -> None:
    """An answer in parts has the tokens of all of them: each provider bills a prompt of its own."""
    for field in _COUNTS:
        setattr(request, field, known_sum(getattr(part, field) for part in parts))
    request.estimated = any(part.estimated for part in parts)


def _line(request: RequestRecord) -> dict[str, object]:
    return {
        "request_id": request.request_id,
        "key": request.key_prefix,
        "route": request.route_name or None,
        "phase": request.phase or None,
        "rule": request.rule or None,
        "provider": request.provider_name or None,
        "model": request.model_name or None,
        "attempts": request.attempts,
        "time_to_first_token_ms": request.time_to_first_token_ms,
        "duration_ms": request.duration_ms,
        "input_tokens": request.input_tokens,
        "cache_read_tokens": request.cache_read_tokens,
        "cache_write_tokens": request.cache_write_tokens,
        "output_tokens": request.output_tokens,
        "status": request.http_status,
        "stop_reason": request.stop_reason or None,
        "error": request.error_type or None,
        "error_code": request.error_code or None,
        "outcome": request.outcome,
    }
