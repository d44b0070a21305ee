"""The body and headers around the conversation: system prompt, tools, limits, sampling, output format."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from providers.claude.blocks import system_blocks, text_of
from providers.claude.fields import capped, extra_fields, output_limit, output_schema
from providers.claude.losses import note_losses
from providers.client_fields.merging import add_client_fields
from providers.dialects.contract import Call, CountRequest, UpstreamRequest
from providers.dialects.gemini.generation import generation_of
from providers.dialects.gemini.messages import contents_of
from providers.dialects.gemini.schemas.reducer import reduced
from providers.dialects.gemini.thinking import thinking_config
from providers.dialects.gemini.tools import tool_fields
from providers.errors import ErrorKind, UpstreamError
from providers.fidelity import Fidelity

PATH = "/models/{model}:streamGenerateContent?alt=sse"
COUNT_PATH = "/models/{model}:countTokens"
_MOST_STOPS = 5
_SAMPLING = {"temperature": "temperature", "top_p": "topP", "top_k": "topK"}
# Fields that a transform may add to a request for Gemini, which refuses a body with any unknown field.
_EXTRA = frozenset({"cachedContent", "generationConfig", "labels", "safetySettings", "serviceTier"})
_FOLLOW_SCHEMA = "Answer with one JSON object that follows this JSON schema: "


class Body(msgspec.Struct, frozen=True):
    """A body in parts: `prompt` is what costs input tokens, `settings` is the rest, `unsent_stops` is not in it."""

    prompt: dict[str, Any]
    settings: dict[str, Any]
    unsent_stops: tuple[str, ...] = ()


def generate_request(call: Call) -> UpstreamRequest:
    """The upstream request; raises UnsupportedRequest."""
    body = body_of(call)
    return UpstreamRequest(
        path=_path(PATH, call),
        headers=_headers(call, "text/event-stream"),
        body=msgspec.json.encode({**body.settings, **body.prompt}),
        unsent_stops=body.unsent_stops,
    )


def count_request(call: Call) -> CountRequest:
    """The request that counts, in the Gemini API's form: `{"generateContentRequest": {"model": …, prompt}}`.

    Vertex takes the prompt itself: what is in `generateContentRequest` without `model`. Raises UnsupportedRequest.
    """
    wanted = {"model": f"models/{_name(call)}", **body_of(call).prompt}
    return CountRequest(
        path=_path(COUNT_PATH, call),
        headers=_headers(call, "application/json"),
        body=msgspec.json.encode({"generateContentRequest": wanted}),
        read=_read_count,
    )


def body_of(call: Call) -> Body:
    """The JSON body. The contents come last, so that a longer conversation only adds bytes at the end."""
    note_losses(call)
    tools = tool_fields(call)
    config, instruction = _generation_config(call, has_tools=bool(tools))
    settings: dict[str, Any] = {}
    extra = extra_fields(call.body)
    extra.pop("toolConfig", None)  # goes with the tools
    if not _EXTRA.issuperset(extra):
        call.notes.add(Fidelity.FIELD_DROPPED, *(name for name in extra if name not in _EXTRA))
    settings |= {name: value for name, value in extra.items() if name in _EXTRA}
    stops = _stops(call)
    if stops[:_MOST_STOPS]:
        config["stopSequences"] = list(stops[:_MOST_STOPS])
    if stops[_MOST_STOPS:]:
        call.notes.add(Fidelity.STOP_SEQUENCES_MATCHED_HERE)
    more = settings.pop("generationConfig", None)
    if isinstance(more, dict):
        config |= capped(more, "maxOutputTokens", call)
    if config:
        settings["generationConfig"] = config
    add_client_fields(settings, call.client_fields, call.notes)
    prompt: dict[str, Any] = {}
    system = [{"text": text} for block in system_blocks(call.body) if (text := text_of(block)) is not None]
    if instruction is not None:
        system.append({"text": instruction})
    if system:
        prompt["systemInstruction"] = {"parts": system}
    prompt |= tools
    prompt["contents"] = contents_of(call)
    return Body(prompt, settings, stops[_MOST_STOPS:])


def _name(call: Call) -> str:
    return call.model.name.removeprefix("models/")


def _path(path: str, call: Call) -> str:
    return path.replace("{model}", quote(_name(call), safe=""))


def _headers(call: Call, accept: str) -> tuple[tuple[str, str], ...]:
    headers = {"content-type": "application/json", "accept": accept}
    if call.secret is not None:
        headers["x-goog-api-key"] = call.secret.reveal()
    for name, value in call.provider.headers:
        headers[name.lower()] = value
    return tuple(headers.items())


def _generation_config(call: Call, *, has_tools: bool) -> tuple[dict[str, Any], str | None]:
    """generationConfig, and what of it goes into the system prompt instead."""
    body = call.body
    config: dict[str, Any] = {}
    limit = output_limit(call)
    if limit is not None:
        config["maxOutputTokens"] = limit
    for name, theirs in _SAMPLING.items():
        value = body.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            config[theirs] = value
    thinking = thinking_config(call)
    if thinking:
        config["thinkingConfig"] = thinking
    schema = output_schema(body)
    if schema is None:
        return config, None
    generation = generation_of(call.model)
    if has_tools and (generation is None or generation < (3, 0)):
        # "Function calling with a response mime type: 'application/json' is unsupported", until generation 3.
        call.notes.add(Fidelity.SCHEMA_WORDED)
        return config, _FOLLOW_SCHEMA + msgspec.json.encode(schema).decode()
    found, simplified = reduced(schema)
    if simplified:
        call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
    config["responseMimeType"] = "application/json"
    if found != {"type": "OBJECT"}:  # an answer's object without properties is refused
        config["responseSchema"] = found
    return config, None


def _stops(call: Call) -> tuple[str, ...]:
    stops = call.body.get("stop_sequences")
    return tuple(stop for stop in stops if isinstance(stop, str) and stop) if isinstance(stops, list) else ()


def _read_count(answer: bytes) -> bytes:
    """`{"totalTokens": 31, …}` as Claude's `{"input_tokens": 31}`. Raises UpstreamError."""
    try:
        value = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    total = value.get("totalTokens") if isinstance(value, dict) else None
    if not isinstance(total, int):
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer holds no count of tokens.")
    return msgspec.json.encode({"input_tokens": total})
