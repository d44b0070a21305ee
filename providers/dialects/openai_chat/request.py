"""The body and headers around the conversation: limits, sampling, stops, output format, and what others put in."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from providers.claude.fields import caller_of, extra_fields, output_schema
from providers.config import ModelConfig
from providers.dialects.contract import Call, UpstreamRequest
from providers.dialects.openai_chat.messages import chat_messages
from providers.dialects.openai_chat.profiles import Profile, profile_of
from providers.dialects.openai_chat.thinking import thinking_fields, thinks
from providers.dialects.openai_chat.tools import tool_fields

PATH = "/chat/completions"


def chat_request(call: Call) -> UpstreamRequest:
    """The upstream request; raises UnsupportedRequest."""
    return UpstreamRequest(path=PATH, headers=_headers(call), body=msgspec.json.encode(chat_body(call)))


def chat_body(call: Call) -> dict[str, Any]:
    """The JSON body. The messages come last, so that a longer conversation only adds bytes at the end."""
    body, model = call.body, call.model
    profile = profile_of(call.provider)
    tools = tool_fields(body, profile)
    fields: dict[str, Any] = {"model": model.name, "stream": True}
    if profile.sends_stream_options:
        fields["stream_options"] = {"include_usage": True}
    fields |= _limit(body, model, profile)
    fields |= _sampling(body, model, profile)
    fields |= thinking_fields(body, model, profile, with_tools=bool(tools))
    schema = output_schema(body)
    told = None
    if schema is not None:
        fields["response_format"] = _response_format(schema, profile)
        if not profile.sends_json_schema:
            told = f"Answer with one JSON object that follows this JSON schema: {msgspec.json.encode(schema).decode()}"
    fields |= _stickiness(call, profile)
    if body.get("cache_control") and profile.keeps_cache_control and profile.keeps_cache_control.search(model.name):
        fields["cache_control"] = body["cache_control"]
    fields |= tools
    fields |= extra_fields(body)
    fields["messages"] = chat_messages(body, profile, model.name, call.notes, last_system=told)
    return fields


def _headers(call: Call) -> tuple[tuple[str, str], ...]:
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    if call.secret is not None:
        headers["authorization"] = f"Bearer {call.secret.reveal()}"
    for name, value in call.provider.headers:
        headers[name.lower()] = value
    return tuple(headers.items())


def _limit(body: dict[str, Any], model: ModelConfig, profile: Profile) -> dict[str, Any]:
    asked = body.get("max_tokens")
    if not isinstance(asked, int) or isinstance(asked, bool):
        return {}
    # Zero warms Claude's cache and is an error everywhere else.
    limit = max(asked, 1)
    return {profile.max_tokens_field: limit if model.max_output is None else min(limit, model.max_output)}


def _sampling(body: dict[str, Any], model: ModelConfig, profile: Profile) -> dict[str, Any]:
    if not profile.thinkers_take_sampling and thinks(model, profile):
        return {}
    names = ["temperature", "top_p", *(["top_k"] if profile.sends_top_k else [])]
    fields = {name: body[name] for name in names if isinstance(body.get(name), int | float)}
    stops = body.get("stop_sequences")
    stops = [stop for stop in stops if isinstance(stop, str) and stop] if isinstance(stops, list) else []
    if stops:
        fields["stop"] = stops[: profile.stop_limit]
    return fields


def _response_format(schema: dict[str, Any], profile: Profile) -> dict[str, Any]:
    if not profile.sends_json_schema:
        return {"type": "json_object"}
    cleaned = {key: value for key, value in schema.items() if key != "$schema"}
    wanted = {"name": "answer", "schema": cleaned, "strict": _is_strict(cleaned)}
    return {"type": "json_schema", "json_schema": wanted}


def _is_strict(schema: Any) -> bool:
    """Whether a schema fits OpenAI's strict mode: no object in it may have further or optional properties.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        names = list(properties) if isinstance(properties, dict) else []
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if any(name not in required for name in names):
            return False
        if not all(_is_strict(value) for value in (properties or {}).values()):
            return False
    return all(_is_strict(value) for key, value in schema.items() if key not in ("properties", "enum", "const"))


def _stickiness(call: Call, profile: Profile) -> dict[str, Any]:
    """What keeps a session on one server, so that its prompt cache is found again, and which end user it is."""
    fields: dict[str, Any] = {}
    if profile.session_field is not None and call.session_id:
        session_id = call.session_id
        long = len(session_id) > 64
        fields[profile.session_field] = hashlib.sha256(session_id.encode()).hexdigest() if long else session_id
    caller = caller_of(call.body)
    if profile.caller_field is not None and caller is not None:
        fields[profile.caller_field] = caller
    return fields
