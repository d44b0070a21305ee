"""Usage rows before they are inserted: mutable structs with a field for every column, money in pico-dollars, and those
that are in the journal alone.

Their JSON leaves out every field that has its default: most of an account are, and the journal writes each twice.
They hold names, numbers, short codes and sentences of the gateway's own, never a prompt, an answer or an upstream's
free text, but for the first line of an upstream's error where STORE_PROVIDER_ERRORS asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from usage.generated import function, known_copier
from usage.rollups import measures

if TYPE_CHECKING:

    class _Sums(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
        # Those that code names; a new one needs no line here.
        input_tokens: int | None = None
        cache_read_tokens: int | None = None
        cache_write_tokens: int | None = None
        cache_write_1h_tokens: int | None = None
        output_tokens: int | None = None
        reasoning_tokens: int | None = None
        web_searches: int | None = None
        cost: int | None = None
        input_cost: int | None = None
        cache_read_cost: int | None = None
        cache_write_cost: int | None = None
        output_cost: int | None = None
        other_cost: int | None = None
        provider_cost: int | None = None

else:
    _Sums = msgspec.defstruct(
        "_Sums", [(name, int | None, None) for name in measures.SUMS], kw_only=True, omit_defaults=True, gc=False
    )


# Fields that nearly every record has a value of its own of stand first and last, so that those between them, which many
# have in common, can be taken at once (usage.journal.on_sqlite.kinds).


class _Measured(_Sums, kw_only=True, gc=False):
    time_to_first_token_ms: int | None = None
    duration_ms: int | None = None
    repriced_cost: int | None = None
    fidelity: list[str] | None = None
    id: UUID
    started_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    outcome: str = ""
    provider_id: int | None = None
    provider_name: str = ""
    model_id: int | None = None
    model_name: str = ""
    http_status: int | None = None
    error_type: str = ""
    error_code: str = ""
    error_message: str = ""
    sentence_code: str = ""
    provider_message: str = ""
    stop_reason: str = ""
    estimated: bool = False
    price_id: int | None = None


class RequestRecord(_Measured, kw_only=True, gc=False):
    """Becomes a usage.models.RequestLog."""

    team_id: int | None = None
    team_name: str = ""
    owner_id: int | None = None
    owner_name: str = ""
    key_id: int | None = None
    key_name: str = ""
    key_prefix: str = ""
    route_id: int | None = None
    route_name: str = ""
    request_model: str = ""
    agent_type: str = ""
    request_class: str = ""
    client: str = ""
    client_name: str = ""
    client_version: str = ""
    streamed: bool = False
    phase: str = ""
    rule: str = ""
    routing_revision: int | None = None
    access_revision: int | None = None
    attempts: int = 0
    tags_id: UUID | None = None
    request_id: str = ""
    session_id: str = ""
    agent_id: str = ""
    end_user: str = ""
    tags: list[str] | None = None
    decision: Any = None
    """A dict, or its JSON (msgspec.Raw): a decision that serves many requests is encoded once."""
    worker: str = ""
    """In the journal alone: the worker of the blocks that its attempts have reserved of."""


class AttemptRecord(_Measured, kw_only=True, gc=False):
    """Becomes a usage.models.AttemptLog."""

    number: int
    dialect: str = ""
    credential_id: int | None = None
    credential_name: str = ""
    reported_model: str = ""
    service_tier: str = ""
    region: str = ""
    request_log_id: UUID
    upstream_request_id: str = ""
    time_to_connect_ms: int | None = None
    time_to_headers_ms: int | None = None
    dropped: dict[str, list[str]] | None = None
    """Fields by fidelity code."""
    reserved: int | None = None
    """In the journal alone: the pico-dollars that are reserved for it in each of the windows `drawn_from`."""
    drawn_from: list[int] | None = None


def complete(record: RequestRecord | AttemptRecord) -> dict[str, Any]:
    """Returns every field of a record, as JSON has it."""
    return {**defaults(type(record)), **msgspec.json.decode(msgspec.json.encode(record))}


def defaults(of: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the defaults of a record's fields that have a fixed one."""
    return {field.name: field.default for field in msgspec.structs.fields(of) if field.default is not msgspec.NODEFAULT}


Finished = tuple[RequestRecord, list[AttemptRecord]]
"""A request that has ended, with its attempts."""


_COUNTED = tuple(name for name in measures.SUMS if name not in measures.MONEY)
_COPIED = (
    "provider_id", "provider_name", "model_id", "model_name", "stop_reason", "fidelity", "estimated", "price_id",
    "provider_message", *_COUNTED,
)  # fmt: skip
_copy = known_copier((name, name) for name in _COPIED)
_copy_money = known_copier((name, name) for name in measures.MONEY)
set_cost = function(
    "record, parts",
    [f"{', '.join(f'record.{name}' for name in measures.COST_PARTS)} = parts", "record.cost = sum(parts)"],
)
"""set_cost(record, parts) sets the cost and its parts, usage.cost.Parts."""
copy_tokens = known_copier(measures.EVENT_SUMS)
"""copy_tokens(record, tokens) copies the sums that providers.events.Tokens hold into a record that has none."""


def copy_answer(request: RequestRecord, answered: AttemptRecord, attempts: Sequence[AttemptRecord]) -> None:
    """Completes a request from the attempt that its client got the answer of. It costs what all its attempts cost."""
    _copy(request, answered)
    if len(attempts) == 1:
        _copy_money(request, answered)
        return
    for name in measures.MONEY:
        setattr(request, name, known_sum(getattr(attempt, name) for attempt in attempts))


def add_parts(request: RequestRecord, parts: Sequence[AttemptRecord]) -> None:
    """Adds up the tokens of an answer that several attempts gave in parts: each provider bills a prompt of its own."""
    for name in _COUNTED:
        setattr(request, name, known_sum(getattr(part, name) for part in parts))
    request.estimated = any(part.estimated for part in parts)


def known_sum(amounts: Iterable[int | None]) -> int | None:
    """Returns the sum of the known amounts, or None if none is known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
