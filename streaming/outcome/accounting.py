"""From what happened to the usage row: names, numbers and short words only. No other module writes an account."""

from __future__ import annotations

import logging
import re

from access.keys import KeyRecord
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.events import Tokens
from routing.decision import Decision, RouteRefused
from routing.facts.request_facts import RequestFacts, stored_facts
from routing.snapshot import CandidateConfig
from streaming.attempts.attempt import Attempt
from streaming.exchange.exchange import Exchange
from usage.cost import cost, in_force
from usage.journal.account import Account
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


def describe_caller(account: Account, key: KeyRecord) -> None:
    """Notes whose request it is."""
    request = account.request
    request.team_id, request.team_name = key.team_id, key.team_name
    request.key_id, request.key_name, request.key_prefix = key.id, key.name, key.prefix


def describe_request(account: Account, facts: RequestFacts) -> None:
    """Notes what the request says about itself."""
    request = account.request
    request.request_model = facts.request_model
    request.session_id = facts.session_id
    request.agent_id = facts.agent_id
    request.client = facts.client
    request.streamed = facts.streamed


def describe_decision(account: Account, facts: RequestFacts, decision: Decision) -> None:
    """Notes which route was chosen, and why."""
    request = account.request
    request.route_id, request.route_name = decision.route.id, decision.route.name
    request.phase, request.rule = decision.phase, decision.rule
    request.decision = decision.explained() | {"facts": stored_facts(facts)}
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("routing decision", extra={"fields": {"request_id": request.request_id, **decision.explained()}})


def describe_refusal(account: Account, facts: RequestFacts, error: RouteRefused) -> None:
    """Notes why no route was chosen, or none of its candidates."""
    account.request.decision = error.explained() | {"facts": stored_facts(facts)}


def begin_attempt(account: Account, candidate: CandidateConfig) -> AttemptRecord:
    """Begins the record of the next attempt; `admit` must follow before anything is sent."""
    record = account.attempt()
    provider, model = candidate.provider, candidate.model
    record.provider_id, record.provider_name, record.dialect = provider.id, provider.name, provider.dialect
    record.model_id, record.model_name = model.id or None, model.name
    return record


def admit(account: Account, attempt: Attempt) -> None:
    """Puts the account into the journal, before anything is sent: from now on it becomes a row."""
    _describe_credential(account.attempts[attempt.number - 1], attempt)
    account.admit()


def attempt_ended(exchange: Exchange, attempt: Attempt, error: UpstreamError | UnsupportedRequest | None) -> None:
    """Completes the record of an attempt. An error's message is left out: providers quote prompts in it."""
    record = _measured(exchange.account, attempt)
    record.outcome = attempt.outcome
    if isinstance(error, UpstreamError):
        record.error_type = error.kind.value
        record.error_code = _NOT_A_CODE.sub("_", error.code or "")[:64]
    elif error is not None:
        record.error_type = ErrorKind.INVALID_REQUEST.value
    elif attempt.outcome == Outcome.COMPLETED:
        record.stop_reason = attempt.encoder.stop_reason or ""
    elif attempt.lost:
        record.error_code = "hedged"


def request_ended(exchange: Exchange) -> None:
    """Completes the request's record from the attempt that the client got, and passes the account on."""
    account, request, answer = exchange.account, exchange.account.request, exchange.answer
    request.outcome = exchange.outcome
    request.error_type, request.error_code = exchange.error_type, exchange.error_code
    request.http_status = exchange.client.status
    if account.attempts and answer is not None:
        # Attempts are numbered from 1; where none answered, the last one counts.
        last = account.attempts[answer.answering_attempt - 1]
        _take_over(request, last, account.attempts)
        if answer.interrupted_attempts:
            numbers = {*answer.interrupted_attempts, last.number}
            _add_up(request, [record for record in account.attempts if record.number in numbers])
    account.close()


def _measured(account: Account, attempt: Attempt) -> AttemptRecord:
    record = account.attempts[attempt.number - 1]
    account.close_attempt(record)
    _describe_credential(record, attempt)
    record.http_status = attempt.http_status
    record.upstream_request_id = attempt.upstream_request_id
    record.fidelity = list(attempt.notes)
    if attempt.first_content_at is not None:
        account.first_token(record, attempt.first_content_at)
    # The encoder's counts belong to the attempt that answers through it.
    encoder = attempt.encoder if attempt.responded else None
    tokens = encoder.tokens if encoder is not None else Tokens()
    if encoder is not None and encoder.has_new_content and not encoder.finished:
        # The provider bills what it generated, though it could not report how much that was.
        tokens = encoder.estimated()
        record.estimated = True
    elif encoder is not None and encoder.ended_here:
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


def _describe_credential(record: AttemptRecord, attempt: Attempt) -> None:
    if attempt.credential is not None:
        record.credential_id, record.credential_name = attempt.credential.id, attempt.credential.name


def _take_over(request: RequestRecord, last: AttemptRecord, attempts: list[AttemptRecord]) -> None:
    """The attempt that the client got is the request's; the costs of all attempts are its cost."""
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
