"""Names of the same model on an invoice and here."""

from __future__ import annotations

import pytest

from usage.invoices.names import match, plain

SAME = {
    "claude-sonnet-4-5": (
        "Claude Sonnet 4.5", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5@20250929",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude-Sonnet-4-5-latest",
    ),
    "gemini-3-pro": ("models/gemini-3-pro", "publishers/google/models/gemini-3-pro-001"),
    "gpt-5": ("gpt-5-2025-08-07", "openai/gpt-5", "gpt-5-2025-08-07, cached input", "openai/gpt-5:free"),
    "o1": ("o1",),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_model(name: str) -> None:
    assert {plain(each) for each in (name, *SAME[name])} == {name}


def test_different_models() -> None:
    names = ("claude-sonnet-4-5", "claude-sonnet-4", "claude-haiku-4-5", "gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4.5")
    assert len({plain(each) for each in names}) == len(names)


def test_exact_names_come_first() -> None:
    labels = match(["gpt-4o-2024-05-13", "gpt-4o-2024-08-06"], ["gpt-4o-2024-08-06", "gpt-4o-2024-05-13"], {})
    assert labels.invoice == labels.ours == {name: name for name in ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06")}


def test_failed_attempts_without_a_reported_model_join_it() -> None:
    labels = match(["gpt-5-2025-08-07"], ["gpt-5", "gpt-5-2025-08-07"], {})
    assert labels.ours == {"gpt-5": "gpt-5-2025-08-07", "gpt-5-2025-08-07": "gpt-5-2025-08-07"}


def test_an_alias_decides() -> None:
    labels = match(["Big one", "small"], ["opus-private", "small"], {"big One": "opus-private"})
    assert labels.invoice == {"Big one": "opus-private", "small": "small"}
    assert match(["small"], ["small", "tiny"], {"small": "tiny"}).invoice == {"small": "tiny"}


def test_what_is_unknown_keeps_its_name() -> None:
    labels = match(["a", "A 1"], ["b"], {})
    assert labels.invoice == {"a": "a", "A 1": "A 1"}
    assert labels.ours == {"b": "b"}
