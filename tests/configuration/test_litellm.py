"""LiteLLM's config.yaml: what it becomes here, and what it is output about the rest."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from configuration.foreign.litellm.services import SERVICES, target
from providers.credentials.headers import opened
from providers.models import Credential, Model, Provider
from routing.models import Alias, Route
from tests.configuration.commands import FILES, not_carried_over, rows, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FILE = FILES / "litellm.yaml"
HIDDEN = ("sk-1234-master", "sk-lf-hush", "sk-proj-two-0123456789abcdefghij", "hush", "user:password")


def taken(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return run_import(path, "--write")


def test_it_is_read_and_a_second_time_changes_nothing() -> None:
    before = rows()
    output = run_import(FILE)
    assert output.startswith("Format: LiteLLM\n")
    assert rows() == before
    output += run_import(FILE, "--write")
    assert not [secret for secret in HIDDEN if secret in output]
    before = rows()
    assert "0 created, 0 changed, 0 removed" in run_import(FILE, "--write")
    assert rows() == before


def test_each_server_with_keys_of_its_own_is_a_provider() -> None:
    run_import(FILE, "--write")
    found = {row.name: (row.dialect, row.platform, row.profile, row.base_url) for row in Provider.objects.all()}
    assert found == {
        "azure": ("openai_chat", "azure", "", "https://eu.openai.azure.com"),
        "azure-2": ("openai_chat", "azure", "", "https://us.openai.azure.com"),
        "anthropic": ("anthropic", "", "", "https://api.anthropic.com"),
        "bedrock": ("anthropic", "bedrock", "", "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        "groq": ("openai_chat", "", "", "https://api.groq.com/openai/v1"),
        "openai": ("openai_chat", "", "", "https://api.openai.com/v1"),
        "openai-2": ("openai_chat", "", "", "https://api.openai.com/v1"),
        "openai-3": ("openai_chat", "", "", "https://llm.example.com/v1"),
        "ollama-chat": ("ollama", "", "", "http://localhost:11434"),
        "hosted-vllm": ("openai_chat", "", "vllm", "http://10.0.0.9:8000/v1"),
        "gemini": ("gemini", "", "", "https://generativelanguage.googleapis.com/v1beta"),
    }
    assert set(Provider.objects.filter(is_local=True).values_list("name", flat=True)) == {"ollama-chat", "hosted-vllm"}
    assert Provider.objects.get(name="azure").options == {"api_version": "2024-10-21"}
    provider = Provider.objects.get(name="anthropic")
    assert provider.headers == {"anthropic-beta": "context-1m-2025-08-07"}
    assert {name: opened(stored) for name, stored in provider.secret_headers.items()} == {"x-secret-token": "hush"}
    groq = Provider.objects.get(name="groq")
    assert (groq.total_timeout, groq.first_event_timeout) == (30, 5)
    assert Provider.objects.get(name="gemini").total_timeout == 600


def test_keys_become_credentials_with_their_limits() -> None:
    run_import(FILE, "--write")
    found = {
        str(row): (row.variable, bool(row.ciphertext), row.requests_per_minute, row.tokens_per_minute)
        for row in Credential.objects.all()
    }
    assert found == {
        "azure: default": ("AZURE_EU_KEY", False, 900, 150_000),
        "azure-2: default": ("AZURE_US_KEY", False, 300, 150_000),
        "anthropic: default": ("ANTHROPIC_API_KEY", False, 0, 0),
        "bedrock: default": ("", False, 0, 0),
        "groq: default": ("GROQ_API_KEY", False, 0, 0),
        "openai: default": ("OPENAI_ONE", False, 100, 0),
        "openai: key 2": ("", True, 50, 0),
        "openai-2: default": ("OPENAI_THREE", False, 10, 0),
        "openai-3: default": ("SHARED_KEY", False, 0, 0),
        "gemini: default": ("GEMINI_API_KEY", False, 0, 0),
    }


def test_an_endpoints_address_is_cut(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        """\
model_list:
  - model_name: a
    litellm_params: {model: openai/a, api_base: "https://llm.example.com/v1/chat/completions", api_key: os.environ/A}
  - model_name: b
    litellm_params: {model: anthropic/b, api_base: "https://llm.example.com/v1/messages", api_key: os.environ/A}
"""
    )
    run_import(config, "--write")
    assert set(Provider.objects.values_list("dialect", "base_url")) == {
        ("openai_chat", "https://llm.example.com/v1"),
        ("anthropic", "https://llm.example.com"),
    }


def test_retries_and_fallbacks_that_mean_something_else_here_are_reported(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        """\
model_list:
  - model_name: one
    litellm_params: {model: openai/a, api_key: os.environ/A, num_retries: 5}
  - model_name: two
    litellm_params: {model: openai/b, api_key: os.environ/A}
  - model_name: two
    litellm_params: {model: openai/c, api_key: os.environ/A}
router_settings:
  num_retries: 30
  context_window_fallbacks: [{one: [two]}]
"""
    )
    assert not_carried_over(run_import(config)) == [
        "model_list[0].litellm_params.num_retries: Retries belong to a route. Set them there.",
        "router_settings.context_window_fallbacks[0]: They are tried after any failure, not only for a prompt that is "
        "too long.",
        "router_settings.num_retries: 30 is more than a route allows: 10 retries.",
        "router_settings.num_retries: Routes with several models of their own try the next one instead of retrying: "
        "two.",
    ]


def test_what_is_known_of_models_comes_along() -> None:
    run_import(FILE, "--write")
    model = Model.objects.get(name="claude-sonnet-4-5")
    assert (model.context_window, model.max_output) == (200_000, 64_000)
    assert model.capabilities == ["tools", "images", "thinking", "structured_output", "prefill"]
    assert model.transforms == [{"name": "customparams", "options": {"params": {"temperature": 0.3}}}]
    price = model.prices.get()
    assert (price.input, price.output, price.cache_read) == (Decimal(3), Decimal(15), Decimal("0.3"))
    # To be able to see is no sign of being able to do nothing else.
    assert Model.objects.get(name="gpt-4o-eu").capabilities == []


def test_groups_become_routes_with_fallbacks_behind() -> None:
    run_import(FILE, "--write")
    found = {
        route.name: (route.order, [(str(row.model), row.weight) for row in route.candidates.order_by("position")])
        for route in Route.objects.all()
    }
    assert found == {
        "gpt-4o": (
            "weighted",
            [
                ("azure: gpt-4o-eu", 900),
                ("azure-2: gpt-4o-us", 300),
                ("anthropic: claude-sonnet-4-5", 0),
                ("bedrock: eu.anthropic.claude-sonnet-4-5-v1:0", 0),
            ],
        ),
        "claude-sonnet": (
            "weighted",
            [
                ("anthropic: claude-sonnet-4-5", 1),
                ("bedrock: eu.anthropic.claude-sonnet-4-5-v1:0", 1),
                ("gemini: gemini-2.5-pro", 0),
            ],
        ),
        "fast": ("sequence", [("groq: llama-3.3-70b-versatile", 1), ("ollama-chat: qwen3:32b", 1)]),
        "pooled": ("sequence", [("openai: gpt-5-mini", 1)]),
        "other-key": ("sequence", [("openai-2: gpt-5", 1)]),
        "local": ("sequence", [("ollama-chat: qwen3:32b", 1)]),
        "vllm": ("sequence", [("hosted-vllm: Qwen/Qwen3-Coder", 1)]),
        "gemini": ("sequence", [("gemini: gemini-2.5-pro", 1)]),
        "by-name": ("sequence", [("openai-3: gpt-4.1", 1)]),
    }
    assert Route.objects.get(name="fast").retries == 2
    assert Route.objects.get(name="gpt-4o").retries == 0
    assert {row.pattern: row.target for row in Alias.objects.all()} == {"gpt-4": "gpt-4o", "haiku": "fast"}


def test_what_could_not_be_carried_over_is_listed() -> None:
    assert not_carried_over(run_import(FILE)) == (FILES / "litellm.not-carried-over.txt").read_text().splitlines()


GROUP = """\
model_list:
- {{model_name: m, litellm_params: {{model: openai/a, api_key: $A{a}}}}}
- {{model_name: m, litellm_params: {{model: groq/b, api_key: $B{b}}}}}
- {{model_name: n, litellm_params: {{model: groq/c, api_key: $B}}}}
router_settings: {{{router}}}
"""


@pytest.mark.parametrize(
    ("router", "order", "candidates"),
    [
        ("", "weighted", ["openai: a", "groq: b"]),
        ("routing_strategy: least-busy", "least_busy", ["openai: a", "groq: b"]),
        ("routing_strategy: latency-based-routing", "fastest", ["openai: a", "groq: b"]),
        ("routing_strategy: cost-based-routing", "cheapest", ["openai: a", "groq: b"]),
        ("routing_strategy: usage-based-routing-v2", "least_busy", ["openai: a", "groq: b"]),
        ("fallbacks: [{m: [n]}]", "weighted", ["openai: a", "groq: b", "groq: c"]),
        ("routing_strategy: least-busy, fallbacks: [{m: [n]}]", "sequence", ["openai: a", "groq: b", "groq: c"]),
        ("default_fallbacks: [n]", "weighted", ["openai: a", "groq: b", "groq: c"]),
    ],
)
def test_a_strategy_becomes_an_order(router: str, order: str, candidates: list[str], tmp_path: Path) -> None:
    taken(tmp_path, GROUP.format(a="", b="", router=router))
    route = Route.objects.get(name="m")
    assert route.order == order
    assert [str(row.model) for row in route.candidates.order_by("position")] == candidates


def test_numbered_entries_are_tried_in_that_order(tmp_path: Path) -> None:
    taken(tmp_path, GROUP.format(a=", order: 2", b=", order: 1", router=""))
    route = Route.objects.get(name="m")
    assert route.order == "sequence"
    assert [str(row.model) for row in route.candidates.order_by("position")] == ["groq: b", "openai: a"]


def test_no_secret_of_the_environment_is_written_into_the_database(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    run_import(FILE, "--write")
    assert not Credential.objects.get(provider__name="bedrock").ciphertext
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "very-secret"


TARGETS = {
    ("azure/my-deployment", ""): ("azure", "openai_chat", "azure", "my-deployment"),
    ("azure/responses/my-deployment", ""): ("azure", "openai_responses", "azure", "my-deployment"),
    ("openai/responses/gpt-5", ""): ("openai", "openai_responses", "", "gpt-5"),
    ("vertex_ai/gemini-2.5-pro", ""): ("vertex_ai", "gemini", "vertex", "gemini-2.5-pro"),
    ("vertex_ai/claude-sonnet-4-5@20250929", ""): ("vertex_ai", "anthropic", "vertex", "claude-sonnet-4-5@20250929"),
    ("bedrock/anthropic.claude-v2", ""): ("bedrock", "anthropic", "bedrock", "anthropic.claude-v2"),
    ("claude-sonnet-4-5", ""): ("anthropic", "anthropic", "", "claude-sonnet-4-5"),
    ("gpt-5", ""): ("openai", "openai_chat", "", "gpt-5"),
    ("openrouter/anthropic/claude-3.5-sonnet:beta", ""): (
        *("openrouter", "openai_chat", "", "anthropic/claude-3.5-sonnet:beta"),
    ),
    ("meta/llama", "groq"): ("groq", "openai_chat", "", "meta/llama"),
    ("groq/llama", "groq"): ("groq", "openai_chat", "", "llama"),
}


@pytest.mark.parametrize(("model", "provider"), TARGETS)
def test_provider_prefixes(model: str, provider: str) -> None:
    found = target(model, provider, has_address=False)
    assert found is not None
    assert (found.name, found.service.dialect, found.service.platform, found.model) == TARGETS[model, provider]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_known_service_makes_a_provider_or_says_what_is_missing(name: str, tmp_path: Path) -> None:
    model = "anthropic.claude" if name == "bedrock" else "m"
    output = taken(tmp_path, f"model_list: [{{model_name: r, litellm_params: {{model: {name}/{model}}}}}]")
    assert Route.objects.exists() != ("Could not be carried over" in output)
