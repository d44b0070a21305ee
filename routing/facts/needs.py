"""What a request needs of a model, and what a model lacks. A model of which nobody said what it can is given a try."""

from __future__ import annotations

import msgspec

from providers.config import ModelConfig
from routing.decision import Drop
from routing.facts.request_facts import RequestFacts

MOST_NEEDED_OUTPUT = 32_000
"""Tokens. Coding agents ask for as much as any model gives, so more than this is no need but a ceiling."""


class Lack(msgspec.Struct, frozen=True):
    """What a model cannot do: a code and the end of a sentence. `soft`: it is tried all the same if none can do it."""

    code: Drop
    text: str
    soft: bool = False


def lacking(facts: RequestFacts, model: ModelConfig) -> Lack | None:
    """The first thing that a model cannot do for a request, or None when it can do it all."""
    can = model.capabilities
    if can:
        if facts.tools and "tools" not in can:
            return Lack(Drop.NO_TOOLS, "it calls no tools")
        if facts.images and "images" not in can:
            return Lack(Drop.NO_IMAGES, "it reads no images")
        if facts.structured_output and "structured_output" not in can:
            return Lack(Drop.NO_STRUCTURED_OUTPUT, "it follows no JSON schema")
        if facts.thinking_budget and "thinking" not in can:
            return Lack(Drop.NO_THINKING, "it does not think", soft=True)
        if facts.prefill and "prefill" not in can:
            return Lack(Drop.NO_PREFILL, "it does not go on from a beginning that is given", soft=True)
    if model.context_window is not None and facts.input_estimate > model.context_window:
        # An estimate alone refuses nobody.
        text = f"the prompt has about {facts.input_estimate} tokens, its window {model.context_window}"
        return Lack(Drop.WINDOW, text, soft=True)
    needed = min(facts.max_tokens, MOST_NEEDED_OUTPUT)
    if model.max_output is not None and needed > model.max_output:
        return Lack(Drop.MAX_OUTPUT, f"it answers with {model.max_output} tokens at most", soft=True)
    return None
