"""The request transforms themselves. None changes its argument."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Request = dict[str, Any]


class NoOptions(msgspec.Struct, forbid_unknown_fields=True):
    """For a transform that has nothing to set."""


class MaxToken(msgspec.Struct, forbid_unknown_fields=True):
    """`limit`: the most output tokens to ask for."""

    limit: Annotated[int, msgspec.Meta(ge=1)]


class Sampling(msgspec.Struct, forbid_unknown_fields=True):
    """Sampling parameters that overwrite the client's; what is None is left alone."""

    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None


class CustomParams(msgspec.Struct, forbid_unknown_fields=True):
    """`params`: fields to add to the request; objects are merged, and what the client sent is never overwritten."""

    params: dict[str, Any]


def maxtoken(request: Request, options: MaxToken) -> Request:
    """Lower max_tokens to the limit."""
    asked = request.get("max_tokens")
    if isinstance(asked, int) and asked <= options.limit:
        return request
    return {**request, "max_tokens": options.limit}


def sampling(request: Request, options: Sampling) -> Request:
    """Set temperature, top_p and top_k."""
    wanted = {"temperature": options.temperature, "top_p": options.top_p, "top_k": options.top_k}
    return {**request, **{name: value for name, value in wanted.items() if value is not None}}


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
        # A tool's input and schema are the user's own data: a field of that name there is not ours to remove.
        return {
            key: item if key in {"input", "input_schema"} else _without_cache_control(item)
            for key, item in value.items()
            if key != "cache_control"
        }
    return value


def customparams(request: Request, options: CustomParams) -> Request:
    """Add fields that the client did not send."""
    return _merged(request, options.params)


def _merged(mine: Request, extra: Request) -> Request:
    result = dict(mine)
    for key, value in extra.items():
        if key not in result:
            result[key] = value
        elif isinstance(result[key], dict) and isinstance(value, dict):
            result[key] = _merged(result[key], value)
    return result
