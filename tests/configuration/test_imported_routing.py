"""What is imported from another gateway answers as it did there."""

from __future__ import annotations

from typing import Any

import pytest

from routing.loading.load import load_snapshot
from routing.snapshot import Snapshot
from tests.configuration.commands import FILES, run_import
from tests.routing.builders import ANYONE, decide, make_facts

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

VARIABLES = (
    *("OPENROUTER_API_KEY", "DEEPSEEK_API_KEY", "MODELSCOPE_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_MAIN"),
    *("AZURE_EU_KEY", "AZURE_US_KEY", "OPENAI_ONE", "OPENAI_THREE", "GROQ_API_KEY", "GEMINI_API_KEY", "SHARED_KEY"),
)


def snapshot(name: str, monkeypatch: Any) -> Snapshot:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "sk-for-the-tests")
    run_import(FILES / name, "--write")
    return load_snapshot({})


def tried(model: str, snapshot: Snapshot, **facts: Any) -> list[str]:
    """The models that are tried for a request."""
    return [attempt.name for attempt in decide(make_facts(model, **facts), snapshot, ANYONE).attempts]


def test_scenarios_of_claude_code_router(monkeypatch: Any) -> None:
    found = snapshot("ccr-2.json", monkeypatch)
    sonnet = "claude-sonnet-4-20250514"
    assert tried(sonnet, found) == [
        "deepseek: deepseek-chat",
        "model-scope: Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "openrouter: anthropic/claude-3.7-sonnet:thinking",
    ]
    assert tried(sonnet, found, thinks=True) == ["deepseek: deepseek-reasoner"]
    assert tried(sonnet, found, input_estimate=80_000) == ["openrouter: google/gemini-2.5-pro"]
    assert tried("claude-3-5-haiku-20241022", found) == ["ollama: qwen2.5-coder:latest"]
    assert tried("openrouter,anthropic/claude-3.7-sonnet:thinking", found) == [
        "openrouter: anthropic/claude-3.7-sonnet:thinking"
    ]
    assert tried("Model Scope,Qwen/Qwen3-235B-A22B-Thinking-2507", found) == [
        "model-scope: Qwen/Qwen3-235B-A22B-Thinking-2507"
    ]


def test_rules_and_names_of_claude_code_router(monkeypatch: Any) -> None:
    found = snapshot("ccr-3.json", monkeypatch)
    assert tried("any", found) == ["anthropic: claude-opus-4-8"]
    assert tried("any", found, headers={"x-client-name": "ci"}) == ["deepseek: deepseek-chat"]
    assert tried("gpt-5", found) == ["deepseek: deepseek-reasoner"]
    assert tried("claude-sonnet-4-8", found) == ["deepseek: deepseek-chat"]
    assert tried("claude-sonnet-4-8", found, input_estimate=60_001) == ["anthropic: claude-opus-4-8"]
    assert tried("deepseek/deepseek-reasoner", found) == ["deepseek: deepseek-reasoner"]


def test_groups_of_litellm(monkeypatch: Any) -> None:
    found = snapshot("litellm.yaml", monkeypatch)
    assert set(tried("gpt-4o", found)[:2]) == {"azure: gpt-4o-eu", "azure-2: gpt-4o-us"}
    assert tried("gpt-4o", found)[2:] == ["anthropic: claude-sonnet-4-5"]
    assert tried("haiku", found) == ["groq: llama-3.3-70b-versatile", "ollama-chat: qwen3:32b"]
    pool = found.routes["pooled"].candidates[0].provider.credentials
    assert [credential.requests_per_minute for credential in pool] == [100, 50]
