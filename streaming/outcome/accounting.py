"""From what happened to the usage row: names, numbers and sentences of ours. No other module writes an account."""

from __future__ import annotations

import logging
import re

from django.conf import settings

from access.keys import KeyRecord
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.events import Tokens
from routing.decision import Decision, RouteRefused
from routing.facts.request_facts import RequestFacts, stored_facts
from routing.snapshot import CandidateConfig
from streaming.attempts.attempt import Attempt
from streaming.exchange.exchange import Exchange
from streaming.refused import why_failed
from usage.cost import in_force, parts_of_tokens
from usage.journal.account import Account
from usage.journal.records import AttemptRecord, add_parts, copy_answer, copy_tokens, set_cost
from usage.models import Outcome
from usage.sentence import Sentence, first_line

logger = logging.getLogger("gateway.request")

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
    """Completes the record of an attempt. A provider's message is left out: providers quote prompts in it."""
    record = _measured(exchange.account, attempt)
    record.outcome = attempt.outcome
    if error is not None:
        record.error_message = str(why_failed(error, attempt.candidate.provider.name))
        if settings.STORE_PROVIDER_ERRORS and not isinstance(error.message, Sentence):
            record.provider_message = first_line(error.message)
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
    request.error_message = exchange.error_message
    request.http_status = exchange.client.status
    if account.attempts and answer is not None:
        # Attempts are numbered from 1; where none answered, the last one counts.
        last = account.attempts[answer.answering_attempt - 1]
        copy_answer(request, last, account.attempts)
        if answer.interrupted_attempts:
            numbers = {*answer.interrupted_attempts, last.number}
            add_parts(request, [record for record in account.attempts if record.number in numbers])
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
    elif encoder is not None and (encoder.ended_here or encoder.counted_here):
        record.estimated = True
    copy_tokens(record, tokens)
    # One request, one moment: what takes effect while it runs is for the next one.
    prices = in_force(attempt.candidate.model.prices, account.request.started_at.timestamp())
    parts = parts_of_tokens(prices, tokens)
    if parts is not None:
        set_cost(record, parts)
        record.price_id = prices.id
    return record


def _describe_credential(record: AttemptRecord, attempt: Attempt) -> None:
    if attempt.credential is not None:
        record.credential_id, record.credential_name = attempt.credential.id, attempt.credential.name
