"""How hard to think, in the words of each family of servers."""

from __future__ import annotations

import re
from typing import Any

from providers.claude.fields import Thinking, thinking_of
from providers.config import ModelConfig
from providers.dialects.openai_chat.profiles import Profile

_EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
_GPT = re.compile(r"^gpt-(\d+)(?:\.(\d+))?")


def thinks(model: ModelConfig, profile: Profile) -> bool:
    """Whether the model is said to think: by its row, or by its name at this provider."""
    return "thinking" in model.capabilities or (
        profile.thinkers is not None and profile.thinkers.search(model.name) is not None
    )


def thinking_fields(body: dict[str, Any], model: ModelConfig, profile: Profile, *, with_tools: bool) -> dict[str, Any]:
    """The fields that say how much to think; none when the request does not care or the model cannot be asked."""
    if not profile.asks_every_model and not thinks(model, profile):
        return {}
    wanted = thinking_of(body)
    match profile.effort:
        case "reasoning_effort":
            effort = _effort_word(wanted, model, profile, with_tools=with_tools)
            return {} if effort is None else {"reasoning_effort": effort}
        case "reasoning":
            return _openrouter(wanted, model, profile)
        case "thinking" if wanted.mode != "unset":
            return {"thinking": {"type": "enabled" if wanted.mode == "on" else "disabled"}}
        case "enable_thinking" if wanted.mode != "unset":
            on = {"enable_thinking": wanted.mode == "on"}
            return on if wanted.budget is None else {**on, "thinking_budget": wanted.budget}
    return {}


def _effort_word(wanted: Thinking, model: ModelConfig, profile: Profile, *, with_tools: bool) -> str | None:
    version = _gpt_version(model.name) if profile.thinkers is not None else None
    if with_tools and version is not None and version >= (5, 3):
        # These refuse function tools together with any effort on this endpoint, also with their own default.
        return "none"
    if wanted.mode != "off":
        return None if wanted.effort is None else _nearest(wanted.effort, profile.efforts)
    if version is None:
        # A server that nobody knows may refuse any word; leaving thinking to it is the lesser harm.
        return None if profile.thinkers is None else profile.efforts[0]
    return "minimal" if version == (5, 0) else "none"


def _openrouter(wanted: Thinking, model: ModelConfig, profile: Profile) -> dict[str, Any]:
    # https://openrouter.ai/docs/use-cases/reasoning-tokens
    if wanted.mode == "off":
        if profile.always_thinks is not None and profile.always_thinks.search(model.name):
            return {"reasoning": {"effort": "low"}}
        return {"reasoning": {"enabled": False}}
    if wanted.effort is not None:
        return {"reasoning": {"effort": _nearest(wanted.effort, profile.efforts)}}
    return {"reasoning": {"enabled": True}} if wanted.mode == "on" else {}


def _nearest(effort: str, known: tuple[str, ...]) -> str:
    """The word that comes nearest to `effort` from below, or the least one."""
    if effort not in _EFFORTS:
        return "medium"
    at_most = _EFFORTS[: _EFFORTS.index(effort) + 1]
    return next((word for word in reversed(at_most) if word in known), known[0])


def _gpt_version(name: str) -> tuple[int, int] | None:
    found = _GPT.match(name)
    return None if found is None else (int(found[1]), int(found[2] or 0))
