"""From what happened to the usage row: names, numbers and sentences of ours. No other module writes an account."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

import msgspec
from django.conf import settings

from access.keys import KeyRecord
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.events import Tokens
from providers.fidelity import Fidelity, Notes
from routing.decision import Decision, RouteRefused
from routing.facts import request_facts
from routing.facts.request_facts import RequestFacts
from routing.models import Revision
from routing.snapshot import CandidateConfig
from streaming.attempts.attempt import Attempt
from streaming.encoding.encoder import Encoder
from streaming.exchange.exchange import Exchange
from streaming.outcome.distinct import Distinct
from streaming.outcome.end_users import end_user
from streaming.outcome.reported import describe_answer
from streaming.refused import why_failed
from usage.cost import Parts, in_force_at, parts_of_tokens
from usage.journal.account import Account
from usage.journal.records import AttemptRecord, add_parts, copy_answer, copy_tokens, set_cost
from usage.models import Outcome
from usage.sentence import Sentence, first_line

logger = logging.getLogger("gateway.request")

_ROUTING, _ACCESS = Revision.Scope.ROUTING.value, Revision.Scope.ACCESS.value
_FREE: Parts = (0, 0, 0, 0, 0)
_COMPLETED = Outcome.COMPLETED
_AN_ERROR = 400
"""The least status of a response that is an error, which no provider bills."""
_UNHEARD = frozenset(
    {
        *(ErrorKind.FIRST_EVENT_TIMEOUT, ErrorKind.IDLE_TIMEOUT, ErrorKind.TOTAL_TIMEOUT, ErrorKind.DEADLINE),
        *(ErrorKind.CONNECTION_LOST, ErrorKind.TRUNCATED),
    }
)
"""Failures of attempts whose provider may have gone on without being heard."""
_encode = msgspec.json.Encoder().encode
_NOT_A_CODE = re.compile(r"[^A-Za-z0-9_.-]+")


def describe_caller(
    account: Account, key: KeyRecord, headers: Mapping[str, str], revisions: Mapping[str, int], distinct: Distinct
) -> None:
    """Notes whose request it is, what its headers say of its client, and by which configuration it is decided.

    All that a row has of a request whose body is refused.
    """
    request = account.request
    request.team_id, request.team_name = key.team_id, key.team_name
    if key.owner_id is not None:
        request.owner_id, request.owner_name = key.owner_id, key.owner_name
    if key.id > 0:
        # Not the playground's, which has no key.
        request.key_id, request.key_name, request.key_prefix = key.id, key.name, key.prefix
    request.routing_revision, request.access_revision = revisions.get(_ROUTING), revisions.get(_ACCESS)
    # A record begins with nothing: to set a field of it takes as long as to look whether there is something.
    if session_id := request_facts.named_session(headers):
        request.session_id = session_id[:80]
    if agent_id := headers.get("x-claude-code-agent-id"):
        request.agent_id = agent_id[:80]
    if agent_type := headers.get("x-claude-code-agent-type"):
        request.agent_type = agent_type[:80]
    if request_class := headers.get("x-claude-code-request-class"):
        request.request_class = request_class[:40]
    request.client = client = headers.get("user-agent", "")[:80]
    day = request.started_at.toordinal()
    request.client_name, request.client_version = distinct.client(day, key.id, client)
    tagged = request_facts.tagged(key, headers)
    request.tags, request.tags_id = tagged.tags, distinct.tags_id(day, key.id, tagged)
    if tagged.ignored:
        request.decision = {"ignored_tags": tagged.ignored}


def ignored_tags(account: Account) -> str:
    """Returns how many tags of the client were ignored, by reason, before the decision is noted."""
    ignored = (account.request.decision or {}).get("ignored_tags", {})
    return ", ".join(f"{why}={count}" for why, count in ignored.items())


def describe_request(account: Account, facts: RequestFacts) -> None:
    """Notes what the request says about itself."""
    request = account.request
    request.request_model = facts.request_model
    if facts.session_id:
        request.session_id = facts.session_id
    if facts.streamed:
        request.streamed = True
    if user := end_user(facts.metadata):
        request.end_user = user


def describe_decision(account: Account, facts: RequestFacts, decision: Decision) -> None:
    """Notes which route was chosen, and why."""
    request = account.request
    request.route_id, request.route_name = decision.route.id, decision.route.name
    request.phase, request.rule = decision.phase, decision.rule
    _explain(account, decision.explained_json(), facts)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("routing decision", extra={"fields": {"request_id": request.request_id, **decision.explained()}})


def describe_refusal(account: Account, facts: RequestFacts, error: RouteRefused) -> None:
    """Notes why no route was chosen, or none of its candidates."""
    _explain(account, _encode(error.explained()), facts)


def _explain(account: Account, explained: bytes, facts: RequestFacts) -> None:
    """Adds the facts, and what was noted before, to a decision's JSON: an object that is not empty."""
    more = {"facts": request_facts.stored_facts(facts)} | (account.request.decision or {})
    account.request.decision = msgspec.Raw(explained[:-1] + b"," + _encode(more)[1:])


def begin_attempt(account: Account, candidate: CandidateConfig) -> AttemptRecord:
    """Begins the record of the next attempt; `admit` must follow before anything is sent."""
    provider, model = candidate.provider, candidate.model
    return account.attempt(provider.id, provider.name, provider.dialect, model.id or None, model.name)


def admit(account: Account, attempt: Attempt) -> bool:
    """Puts the account into the journal, before anything is sent: from now on it becomes a row. Returns False when the
    journal cannot be written."""
    _describe_credential(account.attempts[attempt.number - 1], attempt)
    return account.admit()


def attempt_ended(exchange: Exchange, attempt: Attempt, error: UpstreamError | UnsupportedRequest | None) -> None:
    """Completes the record of an attempt. A provider's message is left out: providers quote prompts in it."""
    record = _measured(exchange.account, attempt, error)
    record.outcome = attempt.outcome
    if error is not None:
        why = why_failed(error, attempt.candidate.provider.name)
        record.error_message, record.sentence_code = str(why), why.code
        if settings.STORE_PROVIDER_ERRORS and not isinstance(error.message, Sentence):
            record.provider_message = first_line(error.message)
    if isinstance(error, UpstreamError):
        record.error_type = error.kind.value
        record.error_code = _NOT_A_CODE.sub("_", error.code or "")[:64]
    elif error is not None:
        record.error_type = ErrorKind.INVALID_REQUEST.value
    elif attempt.outcome == _COMPLETED:
        record.stop_reason = attempt.encoder.stop_reason or ""
    elif attempt.lost:
        record.error_code = "hedged"


def answered_here(account: Account, encoder: Encoder, notes: Notes) -> None:
    """Notes an answer that no provider was asked for, and that costs nothing."""
    request = account.request
    copy_tokens(request, encoder.tokens)
    set_cost(request, _FREE)
    request.stop_reason = encoder.stop_reason or ""
    request.fidelity = list(notes)


def ended_short(account: Account, number: int) -> None:
    """Notes that the answer of an attempt, which broke off, was ended because no budget let another one continue it."""
    record = account.attempts[number - 1]
    record.stop_reason = "max_tokens"
    record.fidelity = [*(record.fidelity or ()), Fidelity.BUDGET_REACHED.value]


def request_ended(exchange: Exchange) -> None:
    """Completes the request's record from the attempt that the client got, and passes the account on."""
    account, request, answer = exchange.account, exchange.account.request, exchange.answer
    request.outcome = exchange.outcome
    if exchange.error_type or exchange.error_code or exchange.error_message:
        request.error_type, request.error_code = exchange.error_type, exchange.error_code
        request.error_message, request.sentence_code = exchange.error_message, exchange.sentence_code
    request.http_status = exchange.client.status
    if account.attempts and answer is not None:
        # Attempts are numbered from 1; where none answered, the last one counts.
        last = account.attempts[answer.answering_attempt - 1]
        copy_answer(request, last, account.attempts)
        if answer.interrupted_attempts:
            numbers = {*answer.interrupted_attempts, last.number}
            add_parts(request, [record for record in account.attempts if record.number in numbers])
    account.close()
    if exchange.budgets is not None:
        exchange.budgets.release()


def _measured(account: Account, attempt: Attempt, error: UpstreamError | UnsupportedRequest | None) -> AttemptRecord:
    record = account.attempts[attempt.number - 1]
    account.close_attempt(
        record,
        connected_at=attempt.connected_at,
        headers_at=attempt.headers_at,
        first_content_at=attempt.first_content_at,
    )
    _describe_credential(record, attempt)
    record.http_status = attempt.http_status
    record.upstream_request_id = attempt.upstream_request_id
    record.fidelity = list(attempt.notes)
    if attempt.notes.paths:
        record.dropped = attempt.notes.paths
    if attempt.responded:
        describe_answer(record, attempt)
    # The encoder's counts belong to the attempt that answers through it.
    encoder = attempt.encoder if attempt.responded else None
    tokens = encoder.tokens if encoder is not None else Tokens()
    if encoder is not None and not encoder.finished and encoder.has_new_content:
        # The provider bills what it generated, though it could not report how much that was.
        tokens = encoder.estimated()
        record.estimated = True
    elif encoder is not None and (encoder.ended_here or encoder.counted_here):
        record.estimated = True
    money = attempt.money
    if money is not None and tokens.prompt is None and _may_be_billed(attempt, error):
        # What an ended answer did not report is charged to its budgets as it is counted here.
        tokens = money.estimate.unreported.merged(tokens)
        record.estimated = True
    elif money is not None and tokens.output is None and tokens.prompt is not None and _may_be_billed(attempt, error):
        # The prompt was reported, and the answer ended before any of its output was.
        tokens = tokens.merged(Tokens(output=tokens.reasoning or 0))
        record.estimated = True
    copy_tokens(record, tokens)
    # One request, one moment: what takes effect while it runs is for the next one.
    prices = in_force_at(attempt.candidate.model.prices, account.request.started_at)
    parts = parts_of_tokens(prices, tokens)
    if parts is not None:
        set_cost(record, parts)
        record.price_id = prices.id
    if money is not None:
        money.settle(record.cost or 0)
    return record


def _may_be_billed(attempt: Attempt, error: UpstreamError | UnsupportedRequest | None) -> bool:
    """Whether the provider may have answered a request that reported nothing."""
    if not attempt.sent or (attempt.http_status or 0) >= _AN_ERROR:
        return False
    return error is None or (isinstance(error, UpstreamError) and error.kind in _UNHEARD)


def _describe_credential(record: AttemptRecord, attempt: Attempt) -> None:
    if attempt.credential is not None and record.credential_id is None:
        record.credential_id, record.credential_name = attempt.credential.id, attempt.credential.name
