"""The request to a Claude server: the client's own with as few changes as possible, its keys in their order."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from providers.claude.call_ids import with_distinct_ids
from providers.claude.fields import output_limit
from providers.claude.known_models import support_for
from providers.claude.signatures import is_gateways, origin_of
from providers.claude.support import ClaudeSupport
from providers.claude.system import restate_system
from providers.dialects.anthropic.messages import begins_without_thinking, mend_history
from providers.dialects.anthropic.model import fit_family, fit_model
from providers.dialects.anthropic.thinking import leave_out_thinking, put_thinking_first
from providers.dialects.contract import Call, CountRequest, UpstreamRequest
from providers.families import family_of
from providers.fidelity import Fidelity

DEFAULT_VERSION = "2023-06-01"
_CLAUDES = ("claude", "sonnet", "opus", "haiku", "fable", "mythos")
# What count_tokens takes: https://platform.claude.com/docs/en/api/messages-count-tokens (2026-11). It refuses some of
# the rest ("inference_geo: Extra inputs are not permitted", 2026-09), and none of it changes the count.
_NOT_COUNTED = frozenset(
    {
        *("max_tokens", "stream", "metadata", "stop_sequences", "temperature", "top_p", "top_k", "service_tier"),
        *("inference_geo", "diagnostics", "container", "fallbacks", "fallback_credit_token", "thread"),
    }
)

_encode = msgspec.json.Encoder().encode


def messages_request(call: Call) -> UpstreamRequest:
    """POST /v1/messages, always streaming."""
    body = {**call.body, "model": call.model.name, "stream": True}
    support = support_for(call.model)
    _limit_output(body, call, support)
    _fit(body, call, support)
    return UpstreamRequest(_path(call, "/messages"), _headers(call, "text/event-stream"), _encode(body))


def count_request(call: Call) -> CountRequest:
    """POST /v1/messages/count_tokens, which takes the prompt and what changes it alone."""
    body = {name: value for name, value in call.body.items() if name not in _NOT_COUNTED}
    body["model"] = call.model.name
    _fit(body, call, support_for(call.model))
    return CountRequest(_path(call, "/messages/count_tokens"), _headers(call, "application/json"), _encode(body))


def _fit(body: dict[str, Any], call: Call, support: ClaudeSupport | None) -> None:
    """Changes what the server or the model would refuse; `body` is changed, what is in it is not."""
    claude = _is_claude(call)
    _tell_calls_apart(body, call, claude=claude)
    if claude:
        mend_history(body, call.notes)
    else:
        _drop_gateways_thinking(body, call)
    if support is not None:
        fit_model(body, support, call.notes)
    elif not claude:
        fit_family(body, family_of(call.model), call.notes)
    else:
        restate_system(body, call.notes, misplaced_only=True)
    thinking = body.get("thinking")
    budgeted = claude and isinstance(thinking, dict) and thinking.get("type") == "enabled"
    if budgeted:
        put_thinking_first(body)
        if begins_without_thinking(body.get("messages")):
            leave_out_thinking(body, call.notes)


def _drop_gateways_thinking(body: dict[str, Any], call: Call) -> None:
    """Leaves out thinking of other providers' models that went through the gateway.

    An assistant message that held nothing else goes too: an empty one is refused, and user messages may follow each
    other.
    """
    history = body.get("messages")
    if not isinstance(history, list) or not any(map(_holds_gateways, history)):
        return
    call.notes.add(Fidelity.THINKING_DROPPED)
    remaining = []
    for message in history:
        if _holds_gateways(message):
            content = [block for block in message["content"] if not _is_gateways(block)]
            if not content:
                continue
            message = {**message, "content": content}
        remaining.append(message)
    body["messages"] = remaining


def _tell_calls_apart(body: dict[str, Any], call: Call, *, claude: bool) -> None:
    """Changes the ids that two calls have; `body` is changed, the messages in it are not."""
    origin = None if claude else origin_of(call.provider, call.model)
    history = body.get("messages")
    distinct = with_distinct_ids(history, origin, call.notes)
    if distinct is not history:
        body["messages"] = distinct


def _is_claude(call: Call) -> bool:
    """Whether the model checks signatures. Others want their thinking back whether it is signed or not.

    DeepSeek refuses a turn without it ("must be passed back to the API", 2026-05), Kimi leaves it unsigned.
    """
    host = urlsplit(call.provider.base_url).hostname or ""
    name = call.model.name.lower()
    return bool(call.provider.platform) or host.endswith("anthropic.com") or any(word in name for word in _CLAUDES)


def _holds_gateways(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return False
    content = message.get("content")
    return isinstance(content, list) and any(map(_is_gateways, content))


def _is_gateways(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and is_gateways(block)


def _limit_output(body: dict[str, Any], call: Call, support: ClaudeSupport | None) -> None:
    asked: Any = body.get("max_tokens")
    allowed = output_limit(call)
    most = support.max_output if support is not None else None
    if most is not None and allowed is not None and allowed > most:
        call.notes.add(Fidelity.MAX_TOKENS_LOWERED)
        allowed = most
    if allowed is None or allowed == asked:
        return
    body["max_tokens"] = allowed
    # Thinking counts towards max_tokens and must stay below it: lowering only one would make a good request a bad one.
    thinking = body.get("thinking")
    if not isinstance(thinking, dict):
        return
    budget = thinking.get("budget_tokens")
    if isinstance(budget, int) and allowed <= budget < asked:
        body["thinking"] = {**thinking, "budget_tokens": allowed - 1}


def _path(call: Call, path: str) -> str:
    return path if urlsplit(call.provider.base_url).path.endswith("/v1") else f"/v1{path}"


def _headers(call: Call, accept: str) -> tuple[tuple[str, str], ...]:
    """The client's Claude headers, the credential, and the provider's own headers, which win over both.

    Only anthropic-beta is a list: the provider's is added to the client's. Servers other than Anthropic's look for the
    secret in one of two places.
    """
    headers = {
        "content-type": "application/json",
        "accept": accept,
        "anthropic-version": call.headers.get("anthropic-version") or DEFAULT_VERSION,
    }
    for name, value in call.headers.items():
        if name == "anthropic-beta" or name.startswith("x-claude-code-"):
            headers[name] = value
    if call.secret is not None:
        headers["x-api-key"] = call.secret.reveal()
        if urlsplit(call.provider.base_url).hostname != "api.anthropic.com":
            headers["authorization"] = f"Bearer {call.secret.reveal()}"
    for name, value in call.provider.headers:
        name = name.lower()
        if name == "anthropic-beta" and name in headers:
            value = f"{headers[name]},{value}"
        headers.pop(name, None)
        headers[name] = value
    return tuple(headers.items())
