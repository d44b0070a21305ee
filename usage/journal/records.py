"""Usage rows before they are rows: mutable structs with a column's name for every field, money in pico-dollars.

They hold names, numbers and short machine words, never a prompt, an answer or an upstream's free text.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec


class _Measured(msgspec.Struct, kw_only=True):
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
    stop_reason: str = ""
    fidelity: list[str] | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    web_searches: int | None = None
    estimated: bool = False
    price_id: int | None = None
    cost: int | None = None
    repriced_cost: int | None = None
    provider_cost: int | None = None
    time_to_first_token_ms: int | None = None
    duration_ms: int | None = None


class RequestRecord(_Measured, kw_only=True):
    """A usage.models.RequestLog to be."""

    team_id: int | None = None
    team_name: str = ""
    key_id: int | None = None
    key_name: str = ""
    key_prefix: str = ""
    route_id: int | None = None
    route_name: str = ""
    request_model: str = ""
    request_id: str = ""
    session_id: str = ""
    agent_id: str = ""
    client: str = ""
    streamed: bool = False
    phase: str = ""
    rule: str = ""
    decision: dict[str, Any] | None = None
    attempts: int = 0


class AttemptRecord(_Measured, kw_only=True):
    """A usage.models.AttemptLog to be."""

    request_log_id: UUID
    number: int
    dialect: str = ""
    credential_id: int | None = None
    credential_name: str = ""
    upstream_request_id: str = ""


Finished = tuple[RequestRecord, list[AttemptRecord]]
"""A request that has ended, with its attempts."""


def known_sum(amounts: Iterable[int | None]) -> int | None:
    """The sum of what is known; None when nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
