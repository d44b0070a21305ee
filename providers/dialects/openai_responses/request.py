"""The body and headers around the conversation: limits, sampling, output format, added fields; and the count."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec

from providers.claude.blocks import system_text
from providers.claude.fields import caller_of, capped, extra_fields, output_limit, output_schema
from providers.claude.losses import note_losses
from providers.client_fields.merging import add_client_fields
from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, UpstreamRequest
from providers.dialects.openai_responses.messages import input_items
from providers.dialects.openai_responses.thinking import reasoning_fields, thinks
from providers.dialects.openai_responses.tools import tool_fields
from providers.errors import ErrorKind, UpstreamError
from providers.families import family_of
from providers.fidelity import Fidelity
from providers.schemas.fitting import fitted
from providers.schemas.roots import may_be_object
from providers.schemas.rules import OPENAI
from providers.schemas.strict import is_strict

_PATH = "/responses"
_COUNT_PATH = "/responses/input_tokens"
_LEAST_OUTPUT = 16
"""The API refuses a smaller max_output_tokens."""


class _Count(msgspec.Struct):
    input_tokens: int


def responses_request(call: Call) -> UpstreamRequest:
    """The upstream request; raises UnsupportedRequest."""
    note_losses(call)
    fields: dict[str, Any] = {"model": call.model.name, "stream": True, "store": False}
    fields |= _limit(call)
    reasoning = reasoning_fields(call)
    fields |= _sampling(call, reasoning)
    fields |= reasoning
    text, instruction = _text_format(call)
    fields |= text
    fields |= _identity(call)
    fields |= capped(extra_fields(call.body), "max_output_tokens", call)
    fields |= _conversation(call, instruction)
    add_client_fields(fields, call.client_fields, call.notes)
    return UpstreamRequest(
        path=_PATH, headers=_headers(call), body=msgspec.json.encode(fields), unsent_stops=_stops(call)
    )


def count_request(call: Call) -> CountRequest | None:
    """The request that counts: the same model, tools, instructions and input. OpenAI alone has it; None for others.

    https://platform.openai.com/docs/api-reference/responses/input-tokens
    """
    if not is_openai(call.provider):
        return None
    fields: dict[str, Any] = {"model": call.model.name}
    reasoning = reasoning_fields(call).get("reasoning")
    if reasoning:
        fields["reasoning"] = reasoning
    fields |= _conversation(call)
    headers = dict(_headers(call)) | {"accept": "application/json"}
    return CountRequest(
        path=_COUNT_PATH, headers=tuple(headers.items()), body=msgspec.json.encode(fields), read=_read_count
    )


def _conversation(call: Call, instruction: str | None = None) -> dict[str, Any]:
    """Tools, instructions and input. The input comes last, so that a longer conversation only adds bytes at the end."""
    fields = tool_fields(call)
    system = system_text(call.body)
    if instruction is not None:
        system = f"{system}\n\n{instruction}" if system else instruction
    if system:
        fields["instructions"] = system
    fields["input"] = input_items(call)
    return fields


def _headers(call: Call) -> tuple[tuple[str, str], ...]:
    """The headers, the provider's own last."""
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    if call.secret is not None:
        headers["authorization"] = f"Bearer {call.secret.reveal()}"
    for name, value in call.provider.headers:
        headers[name.lower()] = value
    return tuple(headers.items())


def is_openai(provider: ProviderConfig) -> bool:
    """Whether it is OpenAI itself, and no server that imitates it."""
    host = urlsplit(provider.base_url).hostname or ""
    return not provider.platform and (host == "openai.com" or host.endswith(".openai.com"))


def _limit(call: Call) -> dict[str, Any]:
    limit = output_limit(call)
    if limit is None:
        return {}
    if limit < _LEAST_OUTPUT:
        call.notes.add(Fidelity.MAX_TOKENS_RAISED)
    return {"max_output_tokens": max(limit, _LEAST_OUTPUT)}


def _sampling(call: Call, reasoning: dict[str, Any]) -> dict[str, Any]:
    """temperature and top_p, which a model takes only while it does not reason; there is no top_k."""
    reasons = thinks(call.model) and reasoning.get("reasoning", {}).get("effort") != "none"
    asked = {name: call.body[name] for name in ("temperature", "top_p") if isinstance(call.body.get(name), int | float)}
    refused = set(asked) if reasons else set()
    if not thinks(call.model):
        refused = family_of(call.model).refused_sampling(asked)
    lost = [*refused, *(["top_k"] if call.body.get("top_k") is not None else [])]
    if lost:
        call.notes.add(Fidelity.SAMPLING_DROPPED, *sorted(lost))
    return {name: value for name, value in asked.items() if name not in refused}


def _stops(call: Call) -> tuple[str, ...]:
    """The API knows no stop sequences."""
    given = call.body.get("stop_sequences")
    stops = tuple(stop for stop in given if isinstance(stop, str) and stop) if isinstance(given, list) else ()
    if stops:
        call.notes.add(Fidelity.STOP_SEQUENCES_MATCHED_HERE)
    return stops


def _text_format(call: Call) -> tuple[dict[str, Any], str | None]:
    """The field, or what is added to the instructions instead: the API takes schemas of objects alone."""
    schema = output_schema(call.body)
    if schema is None:
        return {}, None
    cleaned = {key: value for key, value in schema.items() if key != "$schema"}
    if not may_be_object(cleaned):
        call.notes.add(Fidelity.SCHEMA_WORDED)
        words = msgspec.json.encode(cleaned).decode()
        return {}, f"Answer with one JSON value that follows this JSON schema: {words}"
    strict = is_strict(cleaned, OPENAI)
    if not strict:
        call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
        cleaned = fitted(cleaned, OPENAI)
    return {"text": {"format": {"type": "json_schema", "name": "answer", "schema": cleaned, "strict": strict}}}, None


def _identity(call: Call) -> dict[str, Any]:
    """Fields that route a session to one server, so that its prompt cache is found again, and the end user."""
    fields: dict[str, Any] = {}
    session_id = call.session_id
    if session_id:
        long = len(session_id) > 64
        fields["prompt_cache_key"] = hashlib.sha256(session_id.encode()).hexdigest() if long else session_id
    caller = caller_of(call.body)
    if caller is not None and is_openai(call.provider):
        call.notes.add(Fidelity.USER_ID_HASHED)
        fields["safety_identifier"] = caller
    return fields


def _read_count(answer: bytes) -> bytes:
    try:
        counted = msgspec.json.decode(answer, type=_Count)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer holds no count of input tokens.") from error
    return msgspec.json.encode(counted)
