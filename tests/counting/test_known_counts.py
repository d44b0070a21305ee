"""The local count held against counts that are known, within the errors that docs/counting.md states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.counting.families import CLAUDE, CLAUDE_NEW, OTHER, family_of
from providers.counting.tokenizer import count_tokens

KNOWN = Path(__file__).parent / "known"
COUNTS: dict[str, dict[str, int]] = json.loads((KNOWN / "counts.json").read_text())
USUAL = ("english", "json", "python", "shell")
MODELS = {"claude": "claude-opus-4-5", "claude-4.7": "claude-opus-5-5"}
WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"}},
        "required": ["location"],
    },
}


def user(content: Any) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": content}


# https://platform.claude.com/docs/en/build-with-claude/token-counting (2026-11)
def test_the_counts_of_the_documentation() -> None:
    hello = {"system": "You are a scientist", "messages": [user("Hello, Claude")]}
    assert count_tokens(hello, "claude-opus-4-5") == pytest.approx(14, abs=2)
    assert count_tokens(hello, "gpt-5.2") == 14
    weather = {"tools": [WEATHER], "messages": [user("What's the weather like in San Francisco?")]}
    assert count_tokens(weather, "claude-opus-4-5") == pytest.approx(403, rel=0.05)
    assert count_tokens(weather, "claude-opus-5-5") == pytest.approx(403, rel=0.1)


# Counts of the reconstruction of Claude's tokenizers named in docs/counting.md, made once and kept in known/.
@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("name", USUAL)
def test_english_code_and_json_are_within_a_tenth(name: str, family: str) -> None:
    assert counted(name, family) == pytest.approx(COUNTS[name][family], rel=0.1)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("name", sorted(set(COUNTS) - set(USUAL)))
def test_other_languages_are_further_off_but_of_that_size(name: str, family: str) -> None:
    assert 0.55 <= counted(name, family) / COUNTS[name][family] <= 1.55


def counted(name: str, family: str) -> int:
    """Our count of a known text as the only message."""
    return count_tokens({"messages": [user((KNOWN / f"{name}.txt").read_text())]}, MODELS[family])


@pytest.mark.parametrize(
    ("name", "family"),
    [
        *((name, CLAUDE) for name in (
            "claude-3-5-sonnet-20241022", "claude-3-haiku@20240307", "claude-2.1", "claude-instant-1.2",
            "claude-opus-4", "claude-sonnet-4-20250514", "claude-opus-4@20250514", "anthropic/claude-sonnet-4.5",
            "claude-opus-4-6", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-opus-4-1-20250805",
        )),
        *((name, CLAUDE_NEW) for name in (
            "claude-opus-4-7", "anthropic/claude-opus-4.8", "claude-sonnet-5", "claude-opus-5-5", "claude-fable-5-2",
            "anthropic/claude-haiku-5.5", "CLAUDE-SONNET-5-5", "claude-sonnet-4-12", "claude-next",
        )),
        *((name, OTHER) for name in ("gpt-5.2", "google/gemini-3.8-flash", "deepseek-chat", "")),
    ],
)  # fmt: skip
def test_the_family_of_a_model_is_reported_by_its_name(name: str, family: object) -> None:
    assert family_of(name) is family
