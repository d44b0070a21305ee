"""How hard to think, in the terms of each family of servers."""

from __future__ import annotations

from typing import Any

from providers.claude.fields import Thinking, nearest_effort, thinking_of
from providers.config import ModelConfig
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.fidelity import Fidelity, Notes
from providers.openai import gpt_version

_LEAST_BUDGET = 1024


def thinks(model: ModelConfig, profile: Profile) -> bool:
    """Whether the model thinks: by its row, or by its name at this provider."""
    return "thinking" in model.capabilities or (
        profile.thinkers is not None and profile.thinkers.search(model.name) is not None
    )


def thinking_fields(call: Call, profile: Profile, *, with_tools: bool) -> dict[str, Any]:
    """The fields that say how much to think; none when the request leaves it open or the model has no setting."""
    wanted = thinking_of(call.body)
    asked = wanted.mode != "unset" or wanted.effort is not None
    if profile.effort == "none" or not (profile.asks_every_model or thinks(call.model, profile)):
        if asked and wanted.mode != "off":
            call.notes.add(Fidelity.THINKING_CONTROL_DROPPED)
        return {}
    match profile.effort:
        case "reasoning_effort":
            return _effort(wanted, call, profile, with_tools=with_tools)
        case "reasoning":
            return _openrouter(wanted, call, profile)
        case "thinking":
            return _switched(wanted, call.notes, profile)
        case "enable_thinking":
            return _qwen(wanted, call.notes)
        case "template":
            return _template(wanted, call.notes, profile)
    return {}


def _effort(wanted: Thinking, call: Call, profile: Profile, *, with_tools: bool) -> dict[str, Any]:
    version = gpt_version(call.model.name) if profile.thinkers is not None else None
    if with_tools and version is not None and version >= (5, 3):
        # These refuse function tools together with any effort on this endpoint, also with their own default.
        if wanted.mode != "off":
            call.notes.add(Fidelity.EFFORT_CHANGED)
        return {"reasoning_effort": "none"}
    if wanted.mode == "off":
        return _off(version, call.notes, profile)
    efforts = (*profile.efforts, "xhigh") if version is not None and version >= (5, 2) else profile.efforts
    word = _word(wanted, efforts, call.notes)
    return {} if word is None else {"reasoning_effort": word}


def _off(version: tuple[int, int] | None, notes: Notes, profile: Profile) -> dict[str, Any]:
    if version is not None and version != (5, 0):
        return {"reasoning_effort": "none"}
    if version is None and profile.thinkers is None:
        # A server that nobody knows may refuse any word; leaving thinking to it is the lesser harm.
        notes.add(Fidelity.THINKING_CONTROL_DROPPED)
        return {}
    notes.add(Fidelity.EFFORT_CHANGED)
    return {"reasoning_effort": profile.efforts[0] if version is None else "minimal"}


def _openrouter(wanted: Thinking, call: Call, profile: Profile) -> dict[str, Any]:
    # https://openrouter.ai/docs/use-cases/reasoning-tokens
    if wanted.mode == "off":
        if profile.always_thinks is not None and profile.always_thinks.search(call.model.name):
            call.notes.add(Fidelity.EFFORT_CHANGED)
            return {"reasoning": {"effort": "low"}}
        return {"reasoning": {"enabled": False}}
    if wanted.budget is not None and wanted.is_derived:
        return {"reasoning": {"max_tokens": max(wanted.budget, _LEAST_BUDGET)}}
    word = _word(wanted, profile.efforts, call.notes)
    if word is not None:
        return {"reasoning": {"effort": word}}
    return {"reasoning": {"enabled": True}} if wanted.mode == "on" else {}


def _switched(wanted: Thinking, notes: Notes, profile: Profile) -> dict[str, Any]:
    if wanted.mode == "off":
        return {"thinking": {"type": "disabled"}}
    fields: dict[str, Any] = {}
    if wanted.mode == "on":
        fields["thinking"] = {"type": "enabled", **dict(profile.thinking_on)}
    word = _word(wanted, profile.efforts, notes)
    if word is not None:
        fields["reasoning_effort"] = word
    return fields


def _qwen(wanted: Thinking, notes: Notes) -> dict[str, Any]:
    if wanted.effort is not None and not wanted.is_derived:
        notes.add(Fidelity.EFFORT_CHANGED)
    if wanted.mode == "unset":
        return {}
    on: dict[str, Any] = {"enable_thinking": wanted.mode == "on"}
    return on if wanted.budget is None else {**on, "thinking_budget": wanted.budget}


def _template(wanted: Thinking, notes: Notes, profile: Profile) -> dict[str, Any]:
    # Qwen, GLM and DeepSeek templates have the switch, under two names; gpt-oss has the word.
    word = None if wanted.mode == "off" else _word(wanted, profile.efforts, notes)
    fields: dict[str, Any] = {} if word is None else {"reasoning_effort": word}
    if wanted.mode != "unset":
        on = wanted.mode == "on"
        fields["chat_template_kwargs"] = {"enable_thinking": on, "thinking": on}
    return fields


def _word(wanted: Thinking, known: tuple[str, ...], notes: Notes) -> str | None:
    """The word that comes nearest to the wanted effort from below, or the least one; a change is noted."""
    if wanted.effort is None:
        return None
    word = nearest_effort(wanted.effort, known) if known else None
    if word != wanted.effort or wanted.is_derived:
        notes.add(Fidelity.EFFORT_CHANGED)
    return word
