"""The choice of a tool, after some tools were left out."""

from __future__ import annotations

from typing import Any

from providers.fidelity import Fidelity, Notes


def fit_choice(body: dict[str, Any], kept: list[Any], notes: Notes) -> None:
    """Fits the choice of a tool to those that are left: one of a tool that is gone would be refused.

    Without any, `tools` and `tool_choice` go too. `body` is changed.
    """
    if not kept:
        del body["tools"]
    choice = body.get("tool_choice")
    if not isinstance(choice, dict):
        return
    name = choice.get("name")
    named = any(isinstance(tool, dict) and tool.get("name") == name for tool in kept)
    if not kept or (choice.get("type") == "tool" and not named):
        del body["tool_choice"]
        if choice.get("type") in ("tool", "any"):
            notes.add(Fidelity.TOOL_CHOICE_DROPPED)
