"""The top level of a Claude request: its own fields, the end user, how much thinking and how much output is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from providers.claude.client_json import small_object
from providers.fidelity import Fidelity

if TYPE_CHECKING:
    from providers.dialects.contract import Call

KNOWN = frozenset(
    {
        # https://platform.claude.com/docs/en/api/messages/create
        *("model", "messages", "max_tokens", "system", "stream", "tools", "tool_choice", "thinking", "output_config"),
        *("stop_sequences", "metadata", "cache_control", "container", "context_management", "service_tier", "speed"),
        *("inference_geo", "diagnostics", "temperature", "top_p", "top_k"),
        # Beta, in the body or mapped from a header's parameter.
        *("mcp_servers", "compaction", "fallbacks", "fallback_credit_token", "billing_policy", "thread", "betas"),
        *("anthropic_beta", "anthropic_version", "user_profile_id", "workspace_id", "output_format"),
        # Claude Code, undocumented.
        "safeguards",
    }
)
EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the most. Claude has those from "low" on, some providers have a lower one."""


class Thinking(msgspec.Struct, frozen=True):
    """How much thinking a request asks for. `effort` is one of Claude's words (low ... max) or None.

    `is_derived`: the request gave a budget and no effort; the word is an approximation.
    """

    mode: Literal["unset", "off", "on"]
    effort: str | None = None
    budget: int | None = None
    is_derived: bool = False


_UNSET = Thinking("unset")


def extra_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The fields that are not Claude's: a transform added them for the provider."""
    return {} if KNOWN.issuperset(body) else {key: value for key, value in body.items() if key not in KNOWN}


def thinking_of(body: dict[str, Any]) -> Thinking:
    """Read `thinking` and `output_config.effort` together; a budget becomes an effort when no effort is given."""
    if "thinking" not in body and "output_config" not in body:
        return _UNSET
    output_config = body.get("output_config")
    effort = output_config.get("effort") if isinstance(output_config, dict) else None
    if not isinstance(effort, str):
        effort = None
    thinking = body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind == "disabled":
        return Thinking("off")
    if kind is None or not isinstance(thinking, dict):
        return Thinking("unset", effort)
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        return Thinking("on", effort)
    return Thinking("on", effort or _effort_of(budget), budget, is_derived=effort is None)


def nearest_effort(effort: str, known: Sequence[str]) -> str:
    """The known word that comes nearest to `effort` from below, else the least one; a word unknown here is "medium".

    `known` goes from the least to the most and is not empty.
    """
    if effort not in EFFORTS:
        return "medium" if "medium" in known else known[0]
    at_most = EFFORTS[: EFFORTS.index(effort) + 1]
    return next((word for word in reversed(at_most) if word in known), known[0])


def output_limit(call: Call) -> int | None:
    """max_tokens within what the model and its window allow, at least 1 (or the requested 0); None when there is none.

    Coding agents ask for 32,000 to 128,000 whatever the model; servers refuse more than its limit, and more than
    the window holds beside the prompt. A lowered limit is noted.
    """
    asked = call.body.get("max_tokens")
    if not isinstance(asked, int) or isinstance(asked, bool):
        return None
    model = call.model
    allowed = asked
    if model.max_output is not None and model.max_output < allowed:
        allowed = model.max_output
    if model.context_window is not None and call.input_estimate is not None:
        allowed = min(allowed, model.context_window - call.input_estimate)
    if allowed == asked:
        return asked
    call.notes.add(Fidelity.MAX_TOKENS_LOWERED)
    return max(allowed, min(asked, 1))


def capped(added: dict[str, Any], field: str, call: Call) -> dict[str, Any]:
    """The fields that a transform added; a limit of the output among them is lowered to what the model allows."""
    asked, most = added.get(field), call.model.max_output
    if most is None or not isinstance(asked, int) or asked <= most:
        return added
    call.notes.add(Fidelity.MAX_TOKENS_LOWERED)
    return {**added, field: most}


def output_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema that the answer must follow, from output_config.format or its older name."""
    if "output_config" not in body and "output_format" not in body:
        return None
    output_config = body.get("output_config")
    wanted = output_config.get("format") if isinstance(output_config, dict) else None
    for place in (wanted, body.get("output_format")):
        if isinstance(place, dict) and place.get("type") == "json_schema" and isinstance(place.get("schema"), dict):
            schema: dict[str, Any] = place["schema"]
            return schema
    return None


def caller_of(body: dict[str, Any]) -> str | None:
    """A hash of metadata.user_id, which distinguishes end users without revealing who they are.

    Claude Code writes JSON there with an id for each session; only the part that does not change is used.
    """
    metadata = body.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str) or not user_id:
        return None
    parts = small_object(user_id)
    if parts is not None:
        user_id = str(parts.get("account_uuid") or parts.get("device_id") or user_id)
    return hashlib.sha256(user_id.encode()).hexdigest()[:32]


def _effort_of(budget: int) -> str:
    if budget <= 2048:
        return "low"
    return "medium" if budget <= 8192 else "high"
