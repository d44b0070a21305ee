"""What a request for one Claude model loses or says otherwise, by what the model takes: sampling, tools, prefill."""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import blocks_of, text_block
from providers.claude.prefill import GO_ON
from providers.claude.support import ClaudeSupport
from providers.claude.system import restate_system
from providers.dialects.anthropic.thinking import fit_thinking
from providers.families import Family
from providers.fidelity import Fidelity, Notes

_SAMPLING = ("temperature", "top_p", "top_k")


def fit_model(body: dict[str, Any], support: ClaudeSupport, notes: Notes) -> None:
    """Changes the body's own fields to what the model takes; nothing inside them is changed in place."""
    fit_thinking(body, support, notes)
    _fit_sampling(body, support, notes)
    if not support.forced_tools:
        _fit_choice(body, notes)
    restate_system(body, notes, misplaced_only=support.system_messages)
    if not support.prefill:
        _fit_prefill(body, notes)


def fit_family(body: dict[str, Any], family: Family, notes: Notes) -> None:
    """Changes what the family of a model that is no Claude refuses, as OpenAI's do behind OpenRouter's Messages API."""
    given = {name: body[name] for name in _SAMPLING if body.get(name) is not None}
    for name in family.refused_sampling(given):
        notes.add(Fidelity.SAMPLING_DROPPED, name)
        del body[name]
    limit = body.get("max_tokens")
    if isinstance(limit, int) and 0 < limit < family.least_output:
        notes.add(Fidelity.MAX_TOKENS_RAISED)
        body["max_tokens"] = family.least_output


def _fit_sampling(body: dict[str, Any], support: ClaudeSupport, notes: Notes) -> None:
    given = [name for name in _SAMPLING if body.get(name) is not None]
    if support.sampling == "one" and "temperature" in given and "top_p" in given:
        # "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        notes.add(Fidelity.SAMPLING_DROPPED, "top_p")
        del body["top_p"]
    elif support.sampling == "none":
        for name in given:
            # A temperature of 1 is what the model has anyway.
            if body.pop(name) != 1 or name != "temperature":
                notes.add(Fidelity.SAMPLING_DROPPED, name)


def _fit_choice(body: dict[str, Any], notes: Notes) -> None:
    """A required call is put into words, in the system prompt: what comes after it may not change from turn to turn."""
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or kind not in ("any", "tool"):
        return
    notes.add(Fidelity.TOOL_CHOICE_WORDED)
    which = f"the tool {choice.get('name')}" if kind == "tool" else "one of your tools"
    body["tool_choice"] = {name: value for name, value in choice.items() if name != "name"} | {"type": "auto"}
    body["system"] = [*blocks_of(body.get("system")), text_block(f"Answer with a call of {which}.")]


def _fit_prefill(body: dict[str, Any], notes: Notes) -> None:
    """A begun answer is followed by a user message that asks for the rest.

    What a server tool has begun is no prefill: the model goes on with that itself.
    """
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and len(messages) > 1 else None
    if not isinstance(messages, list) or not isinstance(last, dict) or last.get("role") != "assistant":
        return
    blocks = blocks_of(last.get("content"))
    if blocks and all(block.get("type") in ("text", "thinking", "redacted_thinking") for block in blocks):
        notes.add(Fidelity.PREFILL_RESTATED)
        body["messages"] = [*messages, {"role": "user", "content": GO_ON}]
