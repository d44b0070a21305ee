"""How hard to think, in Ollama's terms: on or off, or a level for the models that have levels instead."""

from __future__ import annotations

import re
from typing import Any

from providers.claude.fields import nearest_effort, thinking_of
from providers.dialects.contract import Call
from providers.fidelity import Fidelity

# https://docs.ollama.com/capabilities/thinking, 2026-11: gpt-oss takes levels only, others refuse them.
_LEVELLED = re.compile(r"(?:^|/)gpt-oss\b")
_LEVELS = ("low", "medium", "high")


def thinks(call: Call) -> bool:
    """Whether the model's row says that it thinks. Ollama answers 400 to `think` for one that does not."""
    return "thinking" in call.model.capabilities


def thinking_fields(call: Call) -> dict[str, Any]:
    """`think`, or nothing when the request leaves it open or the model has no such setting."""
    wanted = thinking_of(call.body)
    if not thinks(call):
        if wanted.mode == "on":
            call.notes.add(Fidelity.THINKING_CONTROL_DROPPED)
        return {}
    if _LEVELLED.search(call.model.name):
        if wanted.mode == "off":
            # It always thinks; the lowest level is the nearest.
            call.notes.add(Fidelity.THINKING_CONTROL_DROPPED)
            return {"think": "low"}
        if wanted.effort is None:
            return {"think": "medium"} if wanted.mode == "on" else {}
        level = nearest_effort(wanted.effort, _LEVELS)
        if level != wanted.effort:
            call.notes.add(Fidelity.EFFORT_CHANGED)
        return {"think": level}
    if wanted.effort is not None:
        call.notes.add(Fidelity.EFFORT_CHANGED)
    return {} if wanted.mode == "unset" else {"think": wanted.mode == "on"}
