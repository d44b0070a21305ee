"""What is explained: a request as a client sends it, or the facts that are stored of a logged one; by which key and
configuration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from access.keys import KeyRecord
from access.tags import CLAIMED
from routing.facts.client import identify_client
from routing.facts.request_facts import Moment, RequestFacts, TokenRatios, gather
from routing.loading import load, revision
from routing.loading.store import store
from routing.rules.buckets import RuleConfig
from routing.selection import COMPARED_OUTPUT
from routing.snapshot import Snapshot
from streaming.consumer import CREDENTIALS
from streaming.ingress.claude import preview
from usage.models import RequestLog

ANY_KEY = KeyRecord(id=0, name="any key", prefix="", hash="", team_id=0, team_name="")
"""A key without a team that may use every route."""
NOT_STORED = frozenset({"text", "tools"})
"""Facts that usage rows do not store, by their names in conditions."""


class Unexplainable(ValueError):
    """A question that cannot be explained; the text says what to give instead."""


class Question(msgspec.Struct, frozen=True):
    """A request, with the key and rules to explain it by.

    `request` is None where only facts are stored; then there is no upstream request to show. `rules` come before the
    saved ones. `output` is the number of output tokens of the estimated cost. `unknown` names facts without a value.
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
    """The request in a body that the gateway would accept. Raises Unexplainable."""
    try:
        return preview.accepted(body)
    except preview.InvalidBody as error:
        rejection = error.rejection
        raise Unexplainable(
            f"The gateway would reject this with HTTP {rejection.status}: {rejection.message}"
        ) from error


def headers_of(lines: str) -> dict[str, str]:
    """The headers in lines of `name: value`, names in lower case, without credentials. Raises Unexplainable."""
    headers = {}
    for line in lines.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Unexplainable(f"Write one header per line, such as “user-agent: claude-cli/2.1”; not {line[:80]!r}.")
        headers[name.strip().lower()] = value.strip()
    return {name: value for name, value in headers.items() if name not in CREDENTIALS}


def of_request(
    body: bytes,
    headers: Mapping[str, str],
    key: KeyRecord,
    now: datetime,
    *,
    ratios: TokenRatios | None = None,
    tokens: int | None = None,
    **more: Any,
) -> Question:
    """The question about a request; `tokens` replaces the estimate of its prompt. Raises Unexplainable."""
    request = request_of(body)
    facts = gather(request, headers, len(body), ratios, key=None if key is ANY_KEY else key, now=Moment.of(now))
    return Question(_with_tokens(facts, tokens), key, request, headers, **more)


def of_logged(row: RequestLog, key: KeyRecord, *, tokens: int | None = None, **more: Any) -> Question:
    """The question about a logged request, by the facts in its usage row. Raises Unexplainable."""
    stored = (row.decision or {}).get("facts")
    if not stored:
        raise Unexplainable("This request was logged before routing facts were stored, so it cannot be explained.")
    known = {name: value for name, value in stored.items() if name in RequestFacts.__struct_fields__}
    # Facts in columns of their own; of the tools only the number is stored.
    known |= {
        "request_model": row.request_model,
        "streamed": row.streamed,
        "session_id": row.session_id,
        "agent_id": row.agent_id,
        "client": row.client,
        "key": row.key_name,
        "team": row.team_name,
        **_of_columns(row, stored),
        "tools": ["(not stored)"] * int(stored.get("tool_count", 0)),
    }
    try:
        facts = msgspec.convert({"input_estimate": 0, **known}, RequestFacts)
    except (msgspec.ValidationError, ValueError) as error:
        raise Unexplainable(f"The stored facts of this request cannot be read: {error}") from error
    return Question(_with_tokens(facts, tokens), key, unknown=NOT_STORED, **more)


def _of_columns(row: RequestLog, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that rows of earlier versions have in their decision, and others in columns."""
    tags = stored.get("tags", ()) if row.tags is None else [tag for tag in row.tags if not tag.startswith(CLAIMED)]
    return {
        "client_version": stored.get("client_version") or identify_client(row.client).number,
        "request_class": stored.get("request_class") or row.request_class,
        "agent_type": stored.get("agent_type") or row.agent_type,
        "tags": tags,
    }


def _with_tokens(facts: RequestFacts, tokens: int | None) -> RequestFacts:
    return facts if tokens is None else msgspec.structs.replace(facts, input_estimate=tokens)


def saved_snapshot() -> tuple[Snapshot, str]:
    """The saved configuration with an empty text, or the one in use with the reason why. Raises Unexplainable."""
    in_use, numbers = store.current, revision.numbers()
    if in_use is not None and in_use.revisions == numbers:
        return in_use, ""
    try:
        return load.load_snapshot(numbers), ""
    except load.BrokenConfiguration as error:
        if in_use is None:
            raise Unexplainable(f"The configuration cannot be loaded: {error}") from error
        return in_use, f"The saved configuration is broken, so the previous one is in use: {error}"


def keys_of(snapshot: Snapshot) -> list[KeyRecord]:
    """Every client key, sorted by team and name."""
    current = (key for key in snapshot.keys.values() if key.replaced_at is None)
    return sorted(current, key=lambda key: (key.team_name.lower(), key.name.lower(), key.id))


def key_of(text: str, snapshot: Snapshot) -> KeyRecord:
    """The key whose name or prefix is given; ANY_KEY for an empty text. Raises Unexplainable."""
    if not text:
        return ANY_KEY
    found = [key for key in keys_of(snapshot) if key.name == text or key.prefix.startswith(text)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Unexplainable(f"There is no client key {text!r}. Give its name or prefix, such as sk-px-1a2b.")
    listed = ", ".join(f"{key.prefix}… ({key.team_name}: {key.name})" for key in found)
    raise Unexplainable(f"Several client keys are named {text!r}: {listed}. Give the prefix.")
