"""A Claude request as the JSON of Ollama's /api/chat."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.fields import capped, extra_fields, output_limit, output_schema
from providers.claude.losses import note_losses
from providers.claude.signatures import origin_of
from providers.claude.tools import Tool
from providers.client_fields.merging import add_client_fields
from providers.dialects.contract import Call, UpstreamRequest
from providers.dialects.ollama.messages import chat_messages
from providers.dialects.ollama.thinking import thinking_fields, thinks
from providers.dialects.ollama.tools import choice_in_words, function_of, tools_to_offer
from providers.fidelity import Fidelity
from providers.schemas.fitting import fitted
from providers.schemas.rules import GRAMMAR

_PATH = "/api/chat"


def chat_request(call: Call) -> UpstreamRequest:
    """The upstream request; raises UnsupportedRequest."""
    return UpstreamRequest(path=_PATH, headers=_headers(call), body=msgspec.json.encode(_body(call)))


def _body(call: Call) -> dict[str, Any]:
    """The JSON body. The messages come last, so that a longer conversation only adds bytes at the end."""
    body = call.body
    note_losses(call)
    tools = tools_to_offer(body)
    # An overflow shall be refused, not cut off the front of the conversation in silence. Since 0.12.6 (2025-10-11);
    # older versions ignore both.
    fields: dict[str, Any] = {"model": call.model.name, "stream": True, "truncate": False, "shift": False}
    fields |= thinking_fields(call)
    schema = output_schema(body)
    if schema is not None:
        cleaned = {key: value for key, value in schema.items() if key != "$schema"}
        fields["format"] = fitted(cleaned, GRAMMAR)
        if fields["format"] is not cleaned:
            call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
    extra = extra_fields(body)
    options = _options(call)
    if isinstance(extra.get("options"), dict):
        options |= capped(extra.pop("options"), "num_predict", call)
    if options:
        fields["options"] = options
    fields |= _tool_fields(tools, call)
    fields |= extra
    add_client_fields(fields, call.client_fields, call.notes)
    instruction = choice_in_words(body, tools, call.notes)
    origin = origin_of(call.provider, call.model)
    fields["messages"] = chat_messages(
        body, call.notes, origin=origin, replays_thinking=thinks(call), last_system=instruction
    )
    return fields


def _headers(call: Call) -> tuple[tuple[str, str], ...]:
    headers = {"content-type": "application/json", "accept": "application/x-ndjson"}
    if call.secret is not None:
        headers["authorization"] = f"Bearer {call.secret.reveal()}"
    for name, value in call.provider.headers:
        headers[name.lower()] = value
    return tuple(headers.items())


def _options(call: Call) -> dict[str, Any]:
    """The model's options. Without num_ctx the window is 4096 tokens or so, whatever the model could hold."""
    body = call.body
    options: dict[str, Any] = {}
    if call.model.context_window is not None:
        options["num_ctx"] = call.model.context_window
    limit = output_limit(call)
    if limit is not None:
        options["num_predict"] = limit
    for name in ("temperature", "top_p", "top_k"):
        value = body.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            options[name] = value
    stops = body.get("stop_sequences")
    stops = [stop for stop in stops if isinstance(stop, str) and stop] if isinstance(stops, list) else []
    if stops:
        options["stop"] = stops
    return options


def _tool_fields(tools: list[Tool], call: Call) -> dict[str, Any]:
    return {"tools": [function_of(tool, call.notes) for tool in tools]} if tools else {}
