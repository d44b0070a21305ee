"""Transformers of claude-code-router: some are transforms here too, others a dialect, a profile or a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from configuration.foreign.conversion import Draft
from configuration.foreign.values import items, mapping, word
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
_TAKE_FIELDS = frozenset({"openrouter", "vercel"})
"""Those whose options are further fields of the request."""
_REFUSED = {
    "vertex-openai": "its tokens last an hour, so it needs the platform vertex, with the dialect gemini or anthropic.",
}


class Wish(msgspec.Struct):
    """What a chain of transformers asks for."""

    dialect: str = ""
    profile: str = ""
    platform: str = ""
    transforms: list[dict[str, Any]] = []


def read(draft: Draft, place: str, use: Any) -> Wish:
    """What the transformers at a place ask for; what cannot be had is noted."""
    wish = Wish(transforms=[])
    for number, entry in enumerate(items(use)):
        where = f"{place}[{number}]"
        name, options = _split(entry)
        if not name:
            draft.lose(where, "this names no transformer.")
        else:
            _take(draft, where, wish, name, options)
    return wish


def _split(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, list) and entry:
        return word(entry[0]), mapping(entry[1]) if len(entry) > 1 else {}
    return word(entry), {}


def _take(draft: Draft, where: str, wish: Wish, name: str, options: dict[str, Any]) -> None:
    known = name.lower()
    if known in _REFUSED:
        draft.lose(where, f"{name}: {_REFUSED[known]}")
    elif known in _PLATFORMS:
        wish.dialect, wish.platform = _PLATFORMS[known]
        if wish.platform not in PLATFORMS:
            draft.lose(where, f"{name}: there is no platform {wish.platform} here.")
    elif known in _DIALECTS or known in _PROFILES:
        wish.dialect = _DIALECTS.get(known, "openai_chat")
        wish.profile = known if known in _PROFILES else wish.profile
        if options and known in _TAKE_FIELDS:
            _append(draft, where, wish, "customparams", {"params": options})
        elif options and known != "anthropic":
            draft.lose(where, f"{name} has no options here: {', '.join(options)}.")
        if known == "deepseek":
            draft.lose(where, "deepseek's limit of 8192 output tokens: a model's max output is its limit here.")
    elif known in REGISTRY:
        taken = _OPTIONS.get(known, _none)(options)
        lost = [field for field in options if field not in taken.used]
        if lost:
            draft.lose(where, f"{name} does not know here: {', '.join(lost)}.")
        _append(draft, where, wish, known, taken.options)
    else:
        draft.lose(where, f"there is no transform like {name} here.")


def _append(draft: Draft, where: str, wish: Wish, name: str, options: dict[str, Any]) -> None:
    transform = {"name": name, "options": options} if options else {"name": name}
    try:
        compile_chain([transform])
    except TransformError as error:
        draft.lose(where, str(error))
    else:
        wish.transforms.append(transform)


class _Taken(msgspec.Struct):
    """Options in our words, and which of theirs they were made of."""

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
