"""The transforms that only edit request fields: limits, sampling, cache_control, extra fields.

None changes its argument.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Request = dict[str, Any]


class NoOptions(msgspec.Struct, forbid_unknown_fields=True):
    """For a transform without options."""


class MaxToken(msgspec.Struct, forbid_unknown_fields=True):
    """`limit`: the most output tokens to ask for."""

    limit: Annotated[int, msgspec.Meta(ge=1)]


class Sampling(msgspec.Struct, forbid_unknown_fields=True):
    """Sampling parameters that overwrite the client's; None leaves the client's. `max_tokens` only lowers."""

    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    repetition_penalty: Annotated[float, msgspec.Meta(ge=0)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """`include_usage`: whether the upstream is asked to report tokens in its stream."""

    include_usage: bool = True


class CustomParams(msgspec.Struct, forbid_unknown_fields=True):
    """`params`: fields of the request; they overwrite what the client sent, and objects are merged."""

    params: dict[str, Any]


def maxtoken(request: Request, options: MaxToken) -> Request:
    """Lower max_tokens to the limit."""
    return _lowered(request, options.limit)


def maxcompletiontokens(request: Request, options: NoOptions) -> Request:
    """Send max_tokens under the name max_completion_tokens."""
    asked = request.get("max_tokens")
    # Zero asks for a warm cache, not for a limit.
    if not asked or "max_completion_tokens" in request:
        return request
    # The dialect sends one of the two, and still lowers it to what the model allows.
    return {**request, "max_completion_tokens": asked}


def sampling(request: Request, options: Sampling) -> Request:
    """Set temperature, top_p, top_k and repetition_penalty, and lower max_tokens."""
    wanted = {name: getattr(options, name) for name in ("temperature", "top_p", "top_k", "repetition_penalty")}
    changed = {name: value for name, value in wanted.items() if value is not None}
    if changed:
        request = {**request, **changed}
    return request if options.max_tokens is None else _lowered(request, options.max_tokens)


def _lowered(request: Request, limit: int) -> Request:
    asked = request.get("max_tokens")
    if isinstance(asked, int) and asked <= limit:
        return request
    return {**request, "max_tokens": limit}


def streamoptions(request: Request, options: StreamOptions) -> Request:
    """Ask the upstream to count tokens in its stream, or not to."""
    given = request.get("stream_options")
    others = given if isinstance(given, dict) else {}
    return {**request, "stream_options": {**others, "include_usage": options.include_usage}}


def cleancache(request: Request, options: NoOptions) -> Request:
    """Remove every cache_control, for servers that reject the field."""
    cleaned = {key: value for key, value in request.items() if key != "cache_control"}
    for key in ("system", "messages", "tools"):
        if key in cleaned:
            cleaned[key] = _without_cache_control(cleaned[key])
    return cleaned


def _without_cache_control(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_cache_control(item) for item in value]
    if isinstance(value, dict):
        # A tool's input and schema are the user's data: a field of that name in them stays.
        return {
            key: item if key in {"input", "input_schema"} else _without_cache_control(item)
            for key, item in value.items()
            if key != "cache_control"
        }
    return value


def customparams(request: Request, options: CustomParams) -> Request:
    """Set fields, whatever the client sent."""
    return _merged(request, options.params)


def _merged(sent: Request, params: Request) -> Request:
    result = {**sent, **params}
    for key, value in params.items():
        given = sent.get(key)
        if isinstance(given, dict) and isinstance(value, dict):
            result[key] = _merged(given, value)
    return result
