"""claude-code-router's config.json, version 2: what it becomes here, and what it is output about the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from configuration.foreign.ccr import transformers
from configuration.foreign.conversion import Conversion
from providers.models import Credential, Model, Provider
from providers.transforms import REGISTRY
from providers.transforms.registry import FOREIGN_NAMES
from routing.models import Candidate, Route, ScenarioRoute
from tests.configuration.commands import FILES, not_carried_over, rows, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FILE = FILES / "ccr-2.json"


def small(**fields: Any) -> dict[str, Any]:
    """A file with one provider."""
    entry = {"name": "p", "api_base_url": "https://api.example.com/v1/chat/completions", "api_key": "$P_KEY"}
    return {"Providers": [{**entry, "models": ["m"], **fields}], "Router": {"default": "p,m"}}


def taken(tmp_path: Path, value: dict[str, Any]) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(value))
    return run_import(path, "--write")


def test_a_dry_run_writes_nothing() -> None:
    before = rows()
    output = run_import(FILE)
    assert output.startswith("Format: claude-code-router, version 2\n")
    assert rows() == before


def test_a_second_import_changes_nothing() -> None:
    run_import(FILE, "--write")
    before = rows()
    assert "0 created, 0 changed, 0 removed" in run_import(FILE, "--write")
    assert rows() == before


def test_addresses_become_base_urls_dialects_and_profiles() -> None:
    run_import(FILE, "--write")
    found = {
        row.name: (row.dialect, row.profile, row.base_url, row.is_local, row.proxy_url)
        for row in Provider.objects.all()
    }
    proxy = "http://proxy.example.com:7890"
    assert found == {
        "openrouter": ("openai_chat", "", "https://openrouter.ai/api/v1", False, proxy),
        "deepseek": ("openai_chat", "", "https://api.deepseek.com", False, proxy),
        "ollama": ("openai_chat", "", "http://localhost:11434/v1", True, ""),
        "gemini": ("gemini", "", "https://generativelanguage.googleapis.com/v1beta", False, proxy),
        "volcengine": ("openai_chat", "deepseek", "https://ark.cn-beijing.volces.com/api/v3", False, proxy),
        "model-scope": ("openai_chat", "", "https://api-inference.modelscope.cn/v1", False, proxy),
        "anthropic": ("anthropic", "", "https://api.anthropic.com", False, proxy),
    }


def test_keys_become_credentials_and_none_is_shown() -> None:
    output = run_import(FILE, "--write")
    found = {row.provider.name: (row.source, row.variable, bool(row.ciphertext)) for row in Credential.objects.all()}
    assert found == {
        "openrouter": ("environment", "OPENROUTER_API_KEY", False),
        "deepseek": ("environment", "DEEPSEEK_API_KEY", False),
        "gemini": ("stored", "", False),
        "volcengine": ("stored", "", True),
        "model-scope": ("environment", "MODELSCOPE_API_KEY", False),
        "anthropic": ("environment", "ANTHROPIC_API_KEY", False),
    }
    assert "Credential gemini: default has no secret: enter it in the admin." in output
    for secret in ("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "sk-1234567890abcdef", "team-secret"):
        assert secret not in output


def test_without_an_encryption_key_the_rest_is_carried_over(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    output = run_import(FILE, "--write")
    assert "The key was not imported: ENCRYPTION_KEYS is empty" in output
    assert Credential.objects.get(provider__name="volcengine").source == "stored"


def test_transformers_become_transforms() -> None:
    run_import(FILE, "--write")
    assert Provider.objects.get(name="model-scope").transforms == [
        {"name": "maxtoken", "options": {"limit": 65536}},
        {"name": "enhancetool"},
    ]
    chains = {row.name: row.transforms for row in Model.objects.all() if row.transforms}
    assert chains == {
        "moonshotai/kimi-k2": [
            {"name": "customparams", "options": {"params": {"provider": {"only": ["moonshotai/fp8"]}}}}
        ],
        "deepseek-chat": [{"name": "tooluse"}],
        "Qwen/Qwen3-235B-A22B-Thinking-2507": [{"name": "reasoning", "options": {"tell": "enable_thinking"}}],
    }
    assert Provider.objects.get(name="anthropic").transforms == []


def test_scenarios_become_routes_with_the_fallbacks_behind() -> None:
    run_import(FILE, "--write")
    candidates = {
        route.name: [str(row.model) for row in route.candidates.order_by("position")] for route in Route.objects.all()
    }
    assert candidates == {
        "ccr-default": [
            "deepseek: deepseek-chat",
            "model-scope: Qwen/Qwen3-Coder-480B-A35B-Instruct",
            "openrouter: anthropic/claude-3.7-sonnet:thinking",
        ],
        "ccr-background": ["ollama: qwen2.5-coder:latest"],
        "ccr-think": ["deepseek: deepseek-reasoner"],
        "ccr-long-context": ["openrouter: google/gemini-2.5-pro"],
        "ccr-web-search": ["gemini: gemini-2.5-flash:online"],
    }
    assert {row.scenario: (row.route.name, row.threshold) for row in ScenarioRoute.objects.all()} == {
        "default": ("ccr-default", None),
        "background": ("ccr-background", None),
        "think": ("ccr-think", None),
        "long_context": ("ccr-long-context", 80_000),
        "web_search": ("ccr-web-search", None),
    }


def test_what_could_not_be_carried_over_is_listed() -> None:
    assert not_carried_over(run_import(FILE)) == (FILES / "ccr-2.not-carried-over.txt").read_text().splitlines()


def test_a_route_that_claude_code_asks_for_by_name_is_pointed_out(tmp_path: Path) -> None:
    Route.objects.create(name="claude-sonnet-5-5")
    Route.objects.create(name="claude-opus-5-5", yields=True)
    output = taken(tmp_path, small())
    assert "Requests for claude-sonnet-5-5 go to the route of that name and bypass scenarios and rules" in output


def test_more_fallbacks_than_a_route_tries_raise_its_attempts(tmp_path: Path) -> None:
    value = small(models=list("abcdef")) | {"fallback": {"default": [f"p,{name}" for name in "abcdef"]}}
    taken(tmp_path, value)
    assert Route.objects.get().attempts == 7
    assert Candidate.objects.count() == 7


def test_variables_in_an_address_are_filled_in(tmp_path: Path, monkeypatch: Any) -> None:
    value = small(api_base_url="https://${P_HOST}/v1/chat/completions")
    output = taken(tmp_path, value)
    assert "Providers[0].api_base_url: https://${P_HOST}/v1/chat/completions names a variable that is not set" in output
    monkeypatch.setenv("P_HOST", "p.example.com")
    taken(tmp_path, value)
    assert Provider.objects.get().base_url == "https://p.example.com/v1"


def test_the_other_spelling_of_its_documentation_is_read(tmp_path: Path) -> None:
    entry = {"NAME": "deepseek", "HOST": "https://api.deepseek.com", "APIKEY": "$K", "MODELS": ["deepseek-chat"]}
    taken(tmp_path, {"Providers": [entry], "Router": {"default": "deepseek,deepseek-chat"}})
    assert Route.objects.get().candidates.get().model.name == "deepseek-chat"
    assert Credential.objects.get().variable == "K"


ADDRESSES = {
    "https://api.openai.com/v1/responses": ("openai_responses", "https://api.openai.com/v1"),
    "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions": (
        "openai_chat",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    "https://api.deepseek.com/anthropic/v1/messages": ("anthropic", "https://api.deepseek.com/anthropic"),
    "https://api.anthropic.com/v1": ("anthropic", "https://api.anthropic.com"),
    "http://192.168.1.5:11434/api/chat": ("ollama", "http://192.168.1.5:11434"),
    "https://api.example.com/v1/": ("openai_chat", "https://api.example.com/v1"),
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_implies_the_dialect(address: str, tmp_path: Path) -> None:
    taken(tmp_path, small(api_base_url=address))
    provider = Provider.objects.get()
    assert (provider.dialect, provider.base_url) == ADDRESSES[address]


@pytest.mark.parametrize("name", sorted({*FOREIGN_NAMES, *REGISTRY}))
def test_every_known_transformer_is_carried_over_or_explained(name: str) -> None:
    conversion = Conversion({})
    options = {"maxtoken": {"max_tokens": 5}}.get(name, {})
    wish = transformers.read(conversion, "use", [[name, options]])
    assert bool(wish.transforms) == (name in REGISTRY)
    assert wish.transforms or wish.dialect or conversion.not_carried_over
    assert not any("no such setting" in line for line in conversion.not_carried_over)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{'Providers': [}", "This is not JSON: .* in line 1"),
        ("[1]", "not a configuration file"),
        ("", "not a configuration file"),
    ],
)
def test_broken_files_say_where(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CommandError, match=words):
        run_import(tmp_path / "config.json")
