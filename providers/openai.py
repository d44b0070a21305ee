"""What the dialects of OpenAI share: what its models' names mean, and its list of models.

https://platform.openai.com/docs/models, as of November 2026. A name that OpenAI did not give (a deployment at Azure, a
model of somebody else's) tells nothing: there the model's row says what it can do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from providers.model_list import ListedModel, ModelList, bearer, listed_model

# The chat variants do not reason, and Azure's gpt-35-turbo is 3.5.
REASONING = re.compile(r"^(?:o[1-9]|gpt-(?:[5-9]|[12]\d)(?!\d)(?!\S*-chat)|gpt-oss|codex)", re.IGNORECASE)
"""Matches at the beginning of a bare name."""
_GPT = re.compile(r"^gpt-([1-9]|[12]\d)(?:\.(\d+))?(?![\d.a-z])", re.IGNORECASE)
# https://openrouter.ai/docs/overview/models
_PRICES = {
    "input": "prompt",
    "output": "completion",
    "cache_read": "input_cache_read",
    "cache_write_5m": "input_cache_write",
    "per_request": "request",
    "per_web_search": "web_search",
}
_AMOUNT = re.compile(r"\d{1,6}(\.\d{1,24})?", re.ASCII)
_FINEST = Decimal("0.000001")
# https://openrouter.ai/docs/guides/overview/models, 2026-11.
_ABILITIES = {
    "tools": "tools",
    "images": "reads image",
    "documents": "reads file",
    "thinking": "reasoning",
    "structured_output": "structured_outputs",
}
_WINDOWS = ("context_length", "max_model_len", "context_window", "max_context_length")


def is_reasoning(name: str) -> bool:
    """Whether it is a reasoning model: the o series, GPT-5 and later, the open-weight models."""
    return REASONING.match(_bare(name)) is not None


def gpt_version(name: str) -> tuple[int, int] | None:
    """The version of a GPT model, (5, 0) for gpt-5; None for every other name."""
    found = _GPT.match(_bare(name))
    return None if found is None else (int(found[1]), int(found[2] or 0))


def _model(entry: Mapping[str, Any]) -> ListedModel | None:
    """An entry in OpenAI's form, with the limits that OpenRouter, vLLM, Groq and Mistral add to it."""
    top = entry.get("top_provider")
    most = top.get("max_completion_tokens") if isinstance(top, dict) else entry.get("max_completion_tokens")
    windows = (entry.get(name) for name in _WINDOWS)
    window = next((window for window in windows if window), None)
    return listed_model(entry.get("id"), window, most, _amounts(entry.get("pricing")), _abilities(entry))


def _amounts(pricing: Any) -> dict[str, Decimal]:
    """The prices that OpenRouter adds, in dollars a token or a use. None without both of prompt and completion: what
    has no fixed price, such as its auto router, has -1 there."""
    found: dict[str, Decimal] = {}
    for kind, name in _PRICES.items() if isinstance(pricing, dict) else ():
        text = pricing.get(name)
        if isinstance(text, str) and _AMOUNT.fullmatch(text):
            factor = 1 if kind.startswith("per_") else 1_000_000
            found[kind] = (Decimal(text) * factor).quantize(_FINEST, ROUND_HALF_EVEN)
    return found if {"input", "output"} <= found.keys() else {}


def _abilities(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What OpenRouter lists of a model: parameters that it supports, and what it reads."""
    parameters, architecture = entry.get("supported_parameters"), entry.get("architecture")
    if not isinstance(parameters, list) or not isinstance(architecture, dict):
        return ()
    reads = architecture.get("input_modalities")
    known = {
        *(word for word in parameters if isinstance(word, str)),
        *(f"reads {kind}" for kind in (reads if isinstance(reads, list) else ())),
    }
    return tuple(name for name, word in _ABILITIES.items() if word in known)


def _bare(name: str) -> str:
    """The name without a vendor before it (`openai/gpt-5`)."""
    return name.rpartition("/")[2]


# https://platform.openai.com/docs/api-reference/models/list
MODEL_LIST = ModelList("/models", bearer, "data", _model)
