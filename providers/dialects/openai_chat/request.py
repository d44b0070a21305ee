"""The body and headers around the conversation: limits, sampling, stops, schema, added fields."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from providers.claude.fields import caller_of, extra_fields, output_limit, output_schema
from providers.claude.losses import note_losses
from providers.claude.prefill import GO_ON
from providers.client_fields.merging import add_client_fields
from providers.dialects.contract import Call, UpstreamRequest
from providers.dialects.openai_chat.conversation import chat_messages
from providers.dialects.openai_chat.prefill import PATH, Prefill, prefill_of
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.dialects.openai_chat.thinking import thinking_fields, thinks
from providers.dialects.openai_chat.tools import tool_offer
from providers.families import MOST_LEAST_OUTPUT, family_of
from providers.fidelity import Fidelity
from providers.schemas.fitting import fitted
from providers.schemas.roots import may_be_object
from providers.schemas.strict import is_strict

_OTHER_LIMIT = "max_completion_tokens"
_SESSION_LIMIT = 64
_SAMPLING = ("temperature", "top_p", "top_k")
_HEADERS = (("content-type", "application/json"), ("accept", "text/event-stream"))
_USUAL = frozenset({"model", "messages", "max_tokens", "system", "stream"})
"""Fields that say nothing of the manner of the answer."""


def chat_request(call: Call) -> UpstreamRequest:
    """The upstream request; raises UnsupportedRequest."""
    profile = profile_of(call.provider)
    sent, unsent = _stops(call, profile) if "stop_sequences" in call.body else ([], ())
    prefill = prefill_of(call, profile)
    body = _body(call, profile, sent, prefill)
    path, echo = PATH, ""
    if prefill is not None:
        path = prefill.path
        echo = _marked(body["messages"], prefill)
    return UpstreamRequest(path, _headers(call, profile), msgspec.json.encode(body), unsent_stops=unsent, echo=echo)


def _marked(messages: list[dict[str, Any]], prefill: Prefill) -> str:
    """Marks the last message as the beginning of the answer; returns what the answer will repeat of it."""
    last = messages[-1]
    if prefill.asks:
        messages.append({"role": "user", "content": GO_ON})
        return ""
    last |= prefill.mark
    return last["content"] if prefill.is_echoed and isinstance(last["content"], str) else ""


def _body(call: Call, profile: Profile, stops: list[str], prefill: Prefill | None) -> dict[str, Any]:
    """The JSON body. The messages come last, so that a longer conversation only adds bytes at the end."""
    name = call.model.name
    sends_cache_marks = profile.sends_cache_marks(name)
    note_losses(call, sends_cache_control=sends_cache_marks)
    offer = tool_offer(call, profile)
    fields: dict[str, Any] = {"model": name, "stream": True}
    if profile.sends_stream_options:
        fields["stream_options"] = {"include_usage": True}
    is_usual = _USUAL.issuperset(call.body)
    extra = {} if is_usual else extra_fields(call.body)
    limit = output_limit(call)
    if limit is not None:
        # Somebody put the limit's other name into the request: it goes by that one, lowered all the same.
        field = _OTHER_LIMIT if extra and extra.pop(_OTHER_LIMIT, None) else profile.max_tokens_field
        fields[field] = limit if limit >= MOST_LEAST_OUTPUT else _raised(limit, call, profile)
    instruction = None
    if offer.fields or prefill is not None or not is_usual:
        manner, instruction = _manner(call, profile, stops, prefill, with_tools=bool(offer.fields))
        fields |= manner
    if profile.session_field is not None and call.session_id:
        fields[profile.session_field] = _short(call.session_id)
    if not is_usual:
        fields |= _caller(call, profile)
    if sends_cache_marks:
        fields |= _marks(call)
    if profile.extra:
        fields |= profile.extra
    fields |= offer.fields
    fields |= extra
    add_client_fields(fields, call.client_fields, call.notes)
    reminder = offer.instruction
    if prefill is not None and reminder is not None:
        # Nothing may stand after the beginning of the answer.
        instruction, reminder = "\n\n".join(filter(None, (instruction, reminder))), None
    fields["messages"] = chat_messages(call, profile, last_system=instruction, last_reminder=reminder)
    return fields


def _manner(
    call: Call, profile: Profile, stops: list[str], prefill: Prefill | None, *, with_tools: bool
) -> tuple[dict[str, Any], str | None]:
    """How to answer: sampling, stops, thinking and a schema as fields, and what is added to the system prompt."""
    fields = _sampling(call, profile)
    if stops:
        fields["stop"] = stops
    fields |= thinking_fields(_thinking_call(call, prefill), profile, with_tools=with_tools)
    if prefill is not None:
        fields |= prefill.fields
    schema, instruction = _schema_fields(call, profile)
    fields |= schema
    return fields, instruction


def _thinking_call(call: Call, prefill: Prefill | None) -> Call:
    """The call as far as thinking goes: a model that goes on with an answer is kept from thinking first."""
    if prefill is None or not prefill.stops_thinking or call.body.get("thinking") is not None:
        return call
    return msgspec.structs.replace(call, body={**call.body, "thinking": {"type": "disabled"}})


def _marks(call: Call) -> dict[str, Any]:
    """The mark at the top. Those on tools have no place here; the one on the system prompt covers the tools as well."""
    tools = call.body.get("tools")
    if isinstance(tools, list) and any(isinstance(tool, dict) and tool.get("cache_control") for tool in tools):
        call.notes.add(Fidelity.CACHE_CONTROL_DROPPED, "tools.cache_control")
    mark = call.body.get("cache_control")
    return {"cache_control": mark} if mark else {}


def _headers(call: Call, profile: Profile) -> tuple[tuple[str, str], ...]:
    own = _HEADERS if call.secret is None else (*_HEADERS, ("authorization", f"Bearer {call.secret.reveal()}"))
    if not call.provider.headers and profile.session_header is None:
        return own
    headers = dict(own)
    if profile.session_header is not None and call.session_id:
        headers[profile.session_header] = _short(call.session_id)
    for name, value in call.provider.headers:
        headers[name.lower()] = value
    return tuple(headers.items())


def _raised(limit: int, call: Call, profile: Profile) -> int:
    """The limit of the answer, at least what the model's family takes: "Expected a value >= 16, but got 1 instead"."""
    least = family_of(call.model).least_output if profile.has_least_output else 1
    if limit >= least:
        return limit
    call.notes.add(Fidelity.MAX_TOKENS_RAISED)
    return least


def _sampling(call: Call, profile: Profile) -> dict[str, Any]:
    if call.body.keys().isdisjoint(_SAMPLING):
        return {}
    given = {name: value for name in _SAMPLING if _is_number(value := call.body.get(name))}
    if not given:
        return given
    refused = family_of(call.model).refused_sampling(given)
    if not profile.thinkers_take_sampling and thinks(call.model, profile):
        refused |= given.keys()
    if not profile.sends_top_k:
        refused.add("top_k")
    taken = {name: value for name, value in given.items() if name not in refused}
    if len(taken) < len(given):
        call.notes.add(Fidelity.SAMPLING_DROPPED, *(name for name in given if name not in taken))
    return taken


def _stops(call: Call, profile: Profile) -> tuple[list[str], tuple[str, ...]]:
    """The stop sequences that are sent, and those that the gateway watches for."""
    given = call.body.get("stop_sequences")
    stops = [stop for stop in given if isinstance(stop, str) and stop] if isinstance(given, list) else []
    if not stops:
        return [], ()
    refused = not profile.thinkers_take_stops and thinks(call.model, profile)
    taken = profile.stop_limit if family_of(call.model).stops and not refused else 0
    if len(stops) > taken:
        call.notes.add(Fidelity.STOP_SEQUENCES_MATCHED_HERE)
    return stops[:taken], tuple(stops[taken:])


def _schema_fields(call: Call, profile: Profile) -> tuple[dict[str, Any], str | None]:
    """The fields, and what is added to the system prompt."""
    schema = output_schema(call.body)
    if schema is None:
        return {}, None
    rules = profile.schema_rules
    is_object = may_be_object(schema)
    if profile.schemas == "json_schema" and (is_object or not rules.plain_root):
        cleaned = {key: value for key, value in schema.items() if key != "$schema"}
        strict = is_strict(cleaned, rules)
        if not strict:
            call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
            cleaned = fitted(cleaned, rules)
        wanted = {"name": "answer", "schema": cleaned, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}, None
    call.notes.add(Fidelity.SCHEMA_WORDED)
    what = "object" if is_object else "value"
    instruction = f"Answer with one JSON {what} that follows this JSON schema: {msgspec.json.encode(schema).decode()}"
    forced = profile.schemas != "words" and is_object
    return {"response_format": {"type": "json_object"}} if forced else {}, instruction


def _caller(call: Call, profile: Profile) -> dict[str, Any]:
    """The field of the end user."""
    caller = caller_of(call.body)
    if caller is None:
        return {}
    if profile.caller_field is None:
        call.notes.add(Fidelity.FIELD_DROPPED, "metadata.user_id")
        return {}
    call.notes.add(Fidelity.USER_ID_HASHED)
    return {profile.caller_field: caller}


def _short(session_id: str) -> str:
    """What routes a session to one server, so that its prompt cache is found again."""
    return session_id if len(session_id) <= _SESSION_LIMIT else hashlib.sha256(session_id.encode()).hexdigest()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
