"""How hard to think: a level for generation 3 and later, a budget of tokens for 2.5."""

from __future__ import annotations

from typing import Any

from providers.claude.fields import Thinking, nearest_effort, thinking_of
from providers.dialects.contract import Call
from providers.dialects.gemini.generation import budgets_of, can_stop_thinking, generation_of, levels_of, thinks
from providers.fidelity import Fidelity

_BUDGETS = {"minimal": 512, "low": 2048, "medium": 8192, "high": 24576}
_DYNAMIC = -1


def thinking_config(call: Call) -> dict[str, Any]:
    """generationConfig.thinkingConfig; empty when the request leaves it open, or the model has no such setting.

    Thoughts are asked for whenever thinking is: without them nothing would come while the model thinks.
    """
    wanted = thinking_of(call.body)
    if wanted.mode == "unset" and wanted.effort is None:
        return {}
    generation = generation_of(call.model)
    if generation is None or not thinks(generation):
        if wanted.mode != "off":
            call.notes.add(Fidelity.THINKING_CONTROL_DROPPED)
        return {}
    if generation >= (3, 0):
        config = _level(wanted, call, levels_of(call.model.name, generation))
    else:
        config = _budget(wanted, call)
    if wanted.mode == "on":
        config["includeThoughts"] = True
    return config


def _level(wanted: Thinking, call: Call, known: tuple[str, ...]) -> dict[str, Any]:
    if wanted.mode != "off" and wanted.effort is None:
        return {}  # the model decides, as with adaptive thinking
    # These cannot stop thinking: the lowest level is the nearest.
    word = known[0] if wanted.mode == "off" else nearest_effort(wanted.effort or "", known)
    if word != wanted.effort:
        call.notes.add(Fidelity.EFFORT_CHANGED)
    return {"thinkingLevel": word.upper()}


def _budget(wanted: Thinking, call: Call) -> dict[str, Any]:
    least, most = budgets_of(call.model.name)
    if wanted.mode == "off":
        if can_stop_thinking(call.model.name):
            return {"thinkingBudget": 0}
        call.notes.add(Fidelity.EFFORT_CHANGED)
        return {"thinkingBudget": least}
    asked = wanted.budget
    if asked is None:
        if wanted.effort is None:
            return {"thinkingBudget": _DYNAMIC}
        word = nearest_effort(wanted.effort, tuple(_BUDGETS))
        if word != wanted.effort:
            call.notes.add(Fidelity.EFFORT_CHANGED)
        return {"thinkingBudget": min(max(_BUDGETS[word], least), most)}
    budget = min(max(asked, least), most)
    if budget != asked:
        call.notes.add(Fidelity.EFFORT_CHANGED)
    return {"thinkingBudget": budget}
