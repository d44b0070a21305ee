"""The request to a Claude server: the client's own with as few changes as possible, its keys in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from providers.claude.call_ids import with_distinct_ids
from providers.claude.fields import output_limit
from providers.claude.signatures import is_claudes, is_gateways, origin_of
from providers.dialects.contract import Call, CountRequest, UpstreamRequest
from providers.fidelity import Fidelity

DEFAULT_VERSION = "2023-06-01"
_CLAUDES = ("claude", "sonnet", "opus", "haiku", "fable")
_NOT_COUNTED = frozenset({"max_tokens", "stream", "metadata"})

_encode = msgspec.json.Encoder().encode


def messages_request(call: Call) -> UpstreamRequest:
    """POST /v1/messages, always streaming."""
    body = {**call.body, "model": call.model.name, "stream": True}
    _limit_output(body, call)
    _drop_foreign_thinking(body, call)
    _tell_calls_apart(body, call)
    return UpstreamRequest(_path(call, "/messages"), _headers(call, "text/event-stream"), _encode(body))


def count_request(call: Call) -> CountRequest:
    """POST /v1/messages/count_tokens, which takes no max_tokens, stream or metadata."""
    body = {name: value for name, value in call.body.items() if name not in _NOT_COUNTED}
    body["model"] = call.model.name
    _drop_foreign_thinking(body, call)
    _tell_calls_apart(body, call)
    return CountRequest(_path(call, "/messages/count_tokens"), _headers(call, "application/json"), _encode(body))


def _drop_foreign_thinking(body: dict[str, Any], call: Call) -> None:
    """Leave out thinking that the model would refuse; `body` is changed, the messages in it are not.

    Claude takes back what it signed itself alone: anything else (an earlier turn's, answered by another provider) would
    fail the whole request. An assistant message that held nothing else goes too: an empty one is refused, and user
    messages may follow each other.
    """
    history = body.get("messages")
    refused = _is_foreign if _is_claude(call) else _is_gateways
    if not isinstance(history, list) or not any(_holds(message, refused) for message in history):
        return
    call.notes.add(Fidelity.THINKING_DROPPED)
    remaining = []
    for message in history:
        if _holds(message, refused):
            content = [block for block in message["content"] if not refused(block)]
            if not content:
                continue
            message = {**message, "content": content}
        remaining.append(message)
    body["messages"] = remaining


def _tell_calls_apart(body: dict[str, Any], call: Call) -> None:
    """Change the ids that two calls have; `body` is changed, the messages in it are not."""
    origin = None if _is_claude(call) else origin_of(call.provider, call.model)
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


def _holds(message: Any, refused: Callable[[Any], bool]) -> bool:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return False
    content = message.get("content")
    return isinstance(content, list) and any(map(refused, content))


def _is_foreign(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and not is_claudes(block)


def _is_gateways(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and is_gateways(block)


def _limit_output(body: dict[str, Any], call: Call) -> None:
    asked: Any = body.get("max_tokens")
    allowed = output_limit(call)
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
