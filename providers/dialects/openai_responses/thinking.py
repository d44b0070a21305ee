"""How hard to think, whether to show it, and whether the reasoning comes back with the conversation.

https://platform.openai.com/docs/guides/reasoning
"""

from __future__ import annotations

from typing import Any

from providers.claude.fields import nearest_effort, thinking_of
from providers.claude.tools import offered_tools
from providers.config import ModelConfig
from providers.dialects.contract import Call
from providers.fidelity import Fidelity
from providers.openai import gpt_version, is_reasoning


def thinks(model: ModelConfig) -> bool:
    """Whether the model thinks: by its row, or by its name."""
    return "thinking" in model.capabilities or is_reasoning(model.name)


def carries_thinking(body: dict[str, Any]) -> bool:
    """Whether the client gets thinking blocks to send back.

    One that asked for thinking expects them; one that has tools and did not refuse continues the same reasoning after
    each call. A plain question is answered with plain text, as Claude would.
    """
    mode = thinking_of(body).mode
    return mode == "on" or (mode == "unset" and bool(offered_tools(body)))


def reasoning_fields(call: Call) -> dict[str, Any]:
    """`reasoning` and `include`; models that do not think refuse both."""
    wanted = thinking_of(call.body)
    if not thinks(call.model):
        if wanted.mode == "on" or wanted.effort is not None:
            call.notes.add(Fidelity.THINKING_CONTROL_DROPPED)
        return {}
    reasoning: dict[str, Any] = {}
    asked = "none" if wanted.mode == "off" else wanted.effort
    effort = None if asked is None else _known_effort(asked, known_efforts(call.model.name))
    if effort is not None:
        reasoning["effort"] = effort
        if effort != asked or wanted.is_derived:
            call.notes.add(Fidelity.EFFORT_CHANGED)
    if wanted.mode == "on" and _is_shown(call.body):
        reasoning["summary"] = "auto"
    fields: dict[str, Any] = {"reasoning": reasoning} if reasoning else {}
    if carries_thinking(call.body):
        fields["include"] = ["reasoning.encrypted_content"]
    return fields


def known_efforts(name: str) -> tuple[str, ...]:
    """The words that a model knows, from the least to the most; as of November 2026."""
    version = gpt_version(name)
    if version is None:
        return ("low", "medium", "high")
    if version == (5, 0):
        return ("high",) if "-pro" in name else ("minimal", "low", "medium", "high")
    if "-pro" in name:
        return ("medium", "high", "xhigh")
    if version == (5, 1):
        return ("none", "low", "medium", "high", *(["xhigh"] if "-codex-max" in name else []))
    return ("none", "low", "medium", "high", "xhigh", *(["max"] if version >= (5, 6) else []))


def _known_effort(asked: str, known: tuple[str, ...]) -> str:
    """The nearest word that the model knows; "none" is less than any other."""
    return known[0] if asked == "none" else nearest_effort(asked, known)


def _is_shown(body: dict[str, Any]) -> bool:
    """Whether the client wants to read the thinking; OpenAI writes its summary only for organisations it verified."""
    return bool(body["thinking"].get("display") != "omitted")
