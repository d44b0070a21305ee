"""What the names of OpenAI's models tell."""

from __future__ import annotations

import pytest

from providers.openai import gpt_version, is_reasoning


@pytest.mark.parametrize(
    ("name", "reasons", "version"),
    [
        ("gpt-5", True, (5, 0)),
        ("gpt-5-mini-2025-08-07", True, (5, 0)),
        ("gpt-5.1-codex-max", True, (5, 1)),
        ("gpt-6.2-astra", True, (6, 2)),
        ("gpt-10", True, (10, 0)),
        ("openai/gpt-5.4", True, (5, 4)),
        ("GPT-5.4", True, (5, 4)),
        ("gpt-5-chat-latest", False, (5, 0)),
        ("gpt-5.3-chat-latest", False, (5, 3)),
        ("gpt-4.1", False, (4, 1)),
        ("gpt-4o", False, None),
        ("gpt-35-turbo", False, None),
        ("gpt-oss-120b", True, None),
        ("o3", True, None),
        ("o4-mini-deep-research", True, None),
        ("codex-mini-latest", True, None),
        ("omni", False, None),
        ("my-deployment", False, None),
    ],
)
def test_a_name(name: str, reasons: bool, version: tuple[int, int] | None) -> None:
    assert (is_reasoning(name), gpt_version(name)) == (reasons, version)
