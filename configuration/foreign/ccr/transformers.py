"""Converts transformers of claude-code-router: some are transforms, others a dialect, a profile or a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from configuration.foreign.conversion import Conversion
from configuration.foreign.values import items, mapping, stripped
from providers.platforms import PLATFORMS
from providers.transforms import REGISTRY, TransformError, compile_chain

_DIALECTS = {
    "anthropic": "anthropic",
    "openai": "openai_chat",
    "openai-responses": "openai_responses",
    "gemini": "gemini",
    "ollama": "ollama",
    "vercel": "openai_chat",
}
_PLATFORMS = {"vertex-gemini": ("gemini", "vertex"), "vertex-claude": ("anthropic", "vertex")}
_PROFILES = frozenset({"deepseek", "openrouter", "groq", "cerebras"})
_WITH_REQUEST_FIELDS = frozenset({"openrouter", "vercel"})
"""Transformers whose options are further fields of the request."""
_UNSUPPORTED = {
    "vertex-openai": "Its tokens expire after an hour. Use the platform vertex with the dialect gemini or anthropic.",
}


class Wish(msgspec.Struct):
    """The settings that a chain of transformers asks for."""

    dialect: str = ""
    profile: str = ""
    platform: str = ""
    transforms: list[dict[str, Any]] = []


def read(conversion: Conversion, place: str, use: Any) -> Wish:
    """The settings that the transformers at a place ask for; those that are not supported are noted."""
    wish = Wish(transforms=[])
    for number, entry in enumerate(items(use)):
        where = f"{place}[{number}]"
        name, options = _split(entry)
        if not name:
            conversion.skip(where, "The entry names no transformer.")
        else:
            _take(conversion, where, wish, name, options)
    return wish


def _split(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, list) and entry:
        return stripped(entry[0]), mapping(entry[1]) if len(entry) > 1 else {}
    return stripped(entry), {}


def _take(conversion: Conversion, where: str, wish: Wish, name: str, options: dict[str, Any]) -> None:
    known = name.lower()
    if known in _UNSUPPORTED:
        conversion.skip(where, f"{name}: {_UNSUPPORTED[known]}")
    elif known in _PLATFORMS:
        wish.dialect, wish.platform = _PLATFORMS[known]
        if wish.platform not in PLATFORMS:
            conversion.skip(where, f"{name}: The platform {wish.platform} is not supported.")
    elif known in _DIALECTS or known in _PROFILES:
        wish.dialect = _DIALECTS.get(known, "openai_chat")
        wish.profile = known if known in _PROFILES else wish.profile
        if options and known in _WITH_REQUEST_FIELDS:
            _append(conversion, where, wish, "customparams", {"params": options})
        elif options and known != "anthropic":
            conversion.skip(where, f"{name} has no options in this gateway: {', '.join(options)}.")
        if known == "deepseek":
            conversion.skip(where, "deepseek's limit of 8192 output tokens is not set. Set the model's max output.")
    elif known in REGISTRY:
        taken = _OPTIONS.get(known, _none)(options)
        unused = [field for field in options if field not in taken.used]
        if unused:
            conversion.skip(where, f"{name} does not have these options: {', '.join(unused)}.")
        _append(conversion, where, wish, known, taken.options)
    else:
        conversion.skip(where, f"There is no transform like {name}.")


def _append(conversion: Conversion, where: str, wish: Wish, name: str, options: dict[str, Any]) -> None:
    transform = {"name": name, "options": options} if options else {"name": name}
    try:
        compile_chain([transform])
    except TransformError as error:
        conversion.skip(where, str(error))
    else:
        wish.transforms.append(transform)


class _Taken(msgspec.Struct):
    """A transform's options, and the names of the transformer's options that they came from."""

    options: dict[str, Any]
    used: frozenset[str] = frozenset()


def _none(options: Mapping[str, Any]) -> _Taken:
    return _Taken({})


def _maxtoken(options: Mapping[str, Any]) -> _Taken:
    return _Taken({"limit": options["max_tokens"]} if "max_tokens" in options else {}, frozenset({"max_tokens"}))


def _sampling(options: Mapping[str, Any]) -> _Taken:
    known = frozenset({"temperature", "top_p", "top_k", "repetition_penalty", "max_tokens"})
    return _Taken({name: value for name, value in options.items() if name in known}, known)


def _reasoning(options: Mapping[str, Any]) -> _Taken:
    off = {"enable": False} if options.get("enable", True) is False else {}
    return _Taken({**off, "tell": "enable_thinking"}, frozenset({"enable"}))


def _customparams(options: Mapping[str, Any]) -> _Taken:
    return _Taken({"params": dict(options)}, frozenset(options))


_OPTIONS: Mapping[str, Callable[[Mapping[str, Any]], _Taken]] = {
    "maxtoken": _maxtoken,
    "sampling": _sampling,
    "reasoning": _reasoning,
    "customparams": _customparams,
}
