"""What is to be explained: a request as a client sends it, or the facts that a usage row kept of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts, TokenRatios, gather
from routing.rules.rule import RuleConfig
from routing.selection import COMPARED_OUTPUT
from streaming.consumer import CREDENTIALS
from streaming.ingress.claude import preview
from usage.models import RequestLog

ANY_KEY = KeyRecord(id=0, name="any key", prefix="", hash="", team_id=0, team_name="")
"""A key that may use every route, of no team."""
NOT_STORED = frozenset({"text", "tools"})
"""Facts that no usage row keeps, by the names that conditions have for them."""


class Unexplainable(ValueError):
    """What was given cannot be explained; the text says what to give instead."""


class Question(msgspec.Struct, frozen=True):
    """`request` is None where only facts are known; then there is no upstream request to show.

    `rules` stand before the saved ones. `tokens`: as if the prompt had so many; `output`: as if the answer had.
    `unknown` are the facts that nobody knows.
    """

    facts: RequestFacts
    key: KeyRecord = ANY_KEY
    request: dict[str, Any] | None = None
    headers: Mapping[str, str] = {}
    rules: tuple[RuleConfig, ...] = ()
    output: int = COMPARED_OUTPUT
    unknown: frozenset[str] = frozenset()
    upstream: bool = True


def request_of(body: bytes) -> dict[str, Any]:
    """The request in a body that the gateway would take. Raises Unexplainable."""
    try:
        return preview.accepted(body)
    except preview.InvalidBody as error:
        rejection = error.rejection
        raise Unexplainable(
            f"The gateway would refuse this with HTTP {rejection.status}: {rejection.message}"
        ) from error


def headers_of(lines: str) -> dict[str, str]:
    """The headers in lines of `name: value`, names in lower case, a client's secrets left out. Raises Unexplainable."""
    headers = {}
    for line in lines.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Unexplainable(f"Write one header a line, such as “user-agent: claude-cli/2.1”; not {line[:80]!r}.")
        headers[name.strip().lower()] = value.strip()
    return {name: value for name, value in headers.items() if name not in CREDENTIALS}


def asked(
    body: bytes,
    headers: Mapping[str, str],
    key: KeyRecord,
    now: datetime,
    *,
    ratios: TokenRatios | None = None,
    tokens: int | None = None,
    **more: Any,
) -> Question:
    """The question about a request as a client sends it. Raises Unexplainable."""
    request = request_of(body)
    facts = gather(request, headers, len(body), ratios, key=None if key is ANY_KEY else key, now=now)
    return Question(_of_tokens(facts, tokens), key, request, headers, **more)


def logged(row: RequestLog, key: KeyRecord, *, tokens: int | None = None, **more: Any) -> Question:
    """The question about a request of which a usage row kept the facts. Raises Unexplainable."""
    kept = (row.decision or {}).get("facts")
    if not kept:
        raise Unexplainable("Of this request no facts were kept: it came before the gateway kept them.")
    known = {name: value for name, value in kept.items() if name in RequestFacts.__struct_fields__}
    # What a row keeps in columns of its own, and what only its number is known of.
    known |= {
        "request_model": row.request_model,
        "streamed": row.streamed,
        "session_id": row.session_id,
        "agent_id": row.agent_id,
        "client": row.client,
        "key": row.key_name,
        "team": row.team_name,
        "tools": ["(not stored)"] * int(kept.get("tool_count", 0)),
    }
    try:
        facts = msgspec.convert({"input_estimate": 0, **known}, RequestFacts)
    except (msgspec.ValidationError, ValueError) as error:
        raise Unexplainable(f"The facts of this request cannot be read any more: {error}") from error
    return Question(_of_tokens(facts, tokens), key, unknown=NOT_STORED, **more)


def _of_tokens(facts: RequestFacts, tokens: int | None) -> RequestFacts:
    return facts if tokens is None else msgspec.structs.replace(facts, input_estimate=tokens)
