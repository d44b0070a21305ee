"""What a Gemini model can do, by the generation in its name; the API cannot be asked in time.

https://ai.google.dev/gemini-api/docs/generate-content/thinking#thinking-levels, as of November 2026.
"""

from __future__ import annotations

import re

from providers.config import ModelConfig, ProviderConfig

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_NEWEST = (99, 0)


def generation_of(model: ModelConfig) -> tuple[int, int] | None:
    """(3, 1) for gemini-3.1-pro-preview; None for a model that is no Gemini. `…-latest` is as new as can be.

    A model of any other name counts as a new one, tuned or renamed, if its row says that it thinks.
    """
    found = _VERSION.search(model.name)
    if found is not None:
        return int(found[1]), int(found[2] or 0)
    renamed = "thinking" in model.capabilities or ("gemini" in model.name and model.name.endswith("-latest"))
    return _NEWEST if renamed else None


def wants_signatures(model: ModelConfig) -> bool:
    """Whether a tool call without its thought signature is refused, and calls have ids that results must repeat."""
    generation = generation_of(model)
    return generation is not None and generation >= (3, 0)


def continues(provider: ProviderConfig, model: ModelConfig) -> bool:
    """Whether the model goes on with an answer that the request begins; those after 3.1 refuse it.

    "Requests ending with a model turn are not supported.": https://github.com/pipecat-ai/pipecat/pull/5821 (2026-09-17)
    """
    generation = generation_of(model)
    return "prefill" in model.capabilities or (generation is not None and (2, 0) <= generation <= (3, 1))


def thinks(generation: tuple[int, int] | None) -> bool:
    """Whether models of this generation think."""
    return generation is not None and generation >= (2, 5)


def levels_of(name: str, generation: tuple[int, int]) -> tuple[str, ...]:
    """The words of thinkingLevel that a model takes, from the least to the most; "low" and "high" are taken by all."""
    if generation == (3, 0) and "pro" in name:
        return "low", "high"
    # Flash models took "minimal" until 3.6; 3.7 and 3.8 answer 400 to it, only the light ones still take it.
    if "flash" in name and (generation <= (3, 6) or "lite" in name):
        return "minimal", "low", "medium", "high"
    return "low", "medium", "high"


def budgets_of(name: str) -> tuple[int, int]:
    """The least and the most of thinkingBudget while a model thinks, of generation 2.5."""
    if "pro" in name:
        return 128, 32768
    return (512, 24576) if "lite" in name else (1, 24576)


def can_stop_thinking(name: str) -> bool:
    """Whether a budget of 0 is taken, of generation 2.5."""
    return "pro" not in name
