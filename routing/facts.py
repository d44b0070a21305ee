"""What the rules can see of a request: gathered once, from the body and the headers, cheaply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.counting.weight import Weight, weigh
from routing.estimate import Ratios, estimate


class RequestFacts(msgspec.Struct, frozen=True):
    """Facts of one request. `input_estimate` is tokens, guessed from `weight` and what the session taught."""

    request_model: str
    streamed: bool
    input_estimate: int
    weight: Weight = Weight(0)
    session_id: str = ""
    agent_id: str = ""
    client: str = ""


def gather(
    request: Mapping[str, Any], headers: Mapping[str, str], size: int, ratios: Ratios | None = None
) -> RequestFacts:
    """The facts of a Claude request whose body was `size` bytes; header names in lower case."""
    session_id = _session_id(request, headers)[:80]
    weight = weigh(request, size)
    return RequestFacts(
        request_model=str(request.get("model", ""))[:200],
        streamed=request.get("stream") is True,
        input_estimate=estimate(weight) if ratios is None else ratios.estimate(session_id, weight),
        weight=weight,
        session_id=session_id,
        agent_id=headers.get("x-claude-code-agent-id", "")[:80],
        client=headers.get("user-agent", "")[:80],
    )


def _session_id(request: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The session a client names: in a header of Claude Code's, or inside metadata.user_id (JSON, or `…_session_…`)."""
    named = headers.get("x-claude-code-session-id") or headers.get("x-claude-session-id")
    if named:
        return named
    metadata = request.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str):
        return ""
    if user_id.startswith("{"):
        try:
            parsed = msgspec.json.decode(user_id)
        except msgspec.DecodeError:
            return ""
        session = parsed.get("session_id") if isinstance(parsed, dict) else None
        return session if isinstance(session, str) else ""
    return user_id.partition("_session_")[2]
