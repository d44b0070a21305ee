"""quickstart: what a first run makes and prints, and that a second one changes nothing and prints no secret."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import override_settings

from access.keys import hash_key
from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from proxysite.demo.models import MODELS
from proxysite.quickstart.presets import PRESETS, ProviderPreset
from routing.models import Candidate, Route

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CLAUDE_MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2")
BY_NAME = {preset.name: preset for preset in PRESETS}


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO_UPSTREAM = True


def run(port: int = 3456) -> str:
    """Run the command; what it printed."""
    out = io.StringIO()
    call_command("quickstart", port=port, stdout=out)
    return out.getvalue()


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the database."""
    rows = {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()}
    return {label: found for label, found in rows.items() if found}


def line(text: str, start: str) -> str:
    """The one line that starts so."""
    found = [line for line in text.splitlines() if line.startswith(start)]
    assert len(found) == 1, text
    return found[0]


def models_of(route: str) -> list[str]:
    """`provider: model` of a route's candidates in their order."""
    candidates = Candidate.objects.filter(route__name=route).select_related("model__provider")
    return [f"{candidate.model.provider.name}: {candidate.model.name}" for candidate in candidates]


def default_route() -> str:
    """The name of the default route."""
    return Route.objects.get(is_default=True).name


# --- the first run ---------------------------------------------------------------------------------------------------


def test_the_first_run_prints_what_works() -> None:
    text = run(8123)
    assert "http://127.0.0.1:8123/admin/" in text
    name, password = re.search(r"Sign in +(\S+) / (\S+)", text).groups()  # type: ignore[union-attr]
    user = authenticate(username=name, password=password)
    assert user is not None
    assert user.is_superuser

    assert line(text, "export ANTHROPIC_BASE_URL=") == "export ANTHROPIC_BASE_URL=http://127.0.0.1:8123"
    secret = line(text, "export ANTHROPIC_AUTH_TOKEN=").partition("=")[2]
    key = ClientKey.objects.get(hash=hash_key(secret))
    assert (key.name, key.team.name) == ("quickstart", "Default team")

    curl = line(text, "curl -N http://127.0.0.1:8123/v1/messages ")
    assert f"'x-api-key: {secret}'" in curl
    assert '"model":"demo"' in curl
    assert '"stream":true' in curl


def test_the_first_run_makes_the_demo_provider_with_a_route_per_model() -> None:
    run(8123)
    provider = Provider.objects.get()
    assert (provider.name, provider.is_demo, provider.dialect) == ("demo", True, "openai_chat")
    assert provider.base_url == "http://127.0.0.1:8124/v1"
    assert {route.name for route in Route.objects.all()} == set(MODELS)
    assert all(models_of(name) == [f"demo: {name}"] for name in MODELS)
    assert default_route() == "demo"
    assert all(price.input and price.output for price in Price.objects.all())
    assert {price.model for price in Price.objects.all()} == set(Model.objects.all())


def test_without_the_demo_and_without_keys_there_is_no_provider(settings: Any) -> None:
    settings.DEMO_UPSTREAM = False
    text = run()
    assert not Provider.objects.exists()
    assert "none yet" in text
    assert ClientKey.objects.count() == 1


def test_all_rows_pass_their_own_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS:
        monkeypatch.setenv(preset.key_variable, "sk-0123456789abcdef")
    run()
    for model in (Team, ClientKey, Provider, Credential, Model, Route, Candidate):
        assert model._default_manager.exists()
        for row in model._default_manager.all():
            row.full_clean()


def test_a_port_that_leaves_no_room_for_the_demo_is_refused() -> None:
    with pytest.raises(CommandError, match="65535"):
        run(65535)


# --- the second run --------------------------------------------------------------------------------------------------


def test_the_second_run_changes_nothing_and_prints_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-0123456789abcdef")
    first = run()
    secret = line(first, "export ANTHROPIC_AUTH_TOKEN=").partition("=")[2]
    password = re.search(r"Sign in +\S+ / (\S+)", first)[1]  # type: ignore[index]
    rows = everything()

    second = run()
    assert everything() == rows
    assert secret not in second
    assert password not in second
    assert "sk-px-" not in second
    assert line(second, "export ANTHROPIC_BASE_URL=") == "export ANTHROPIC_BASE_URL=http://127.0.0.1:3456"
    assert line(second, "export ANTHROPIC_AUTH_TOKEN=") == "export ANTHROPIC_AUTH_TOKEN=YOUR-CLIENT-KEY"
    assert "/admin/access/clientkey/add/" in second


def test_what_an_administrator_changed_stays_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-0123456789abcdef")
    run()
    Provider.objects.filter(name="openrouter").update(base_url="https://other.example/v1", enabled=False)
    Provider.objects.filter(name="demo").update(notes="ours", enabled=False)
    Route.objects.filter(name="demo-slow").delete()
    Model.objects.filter(name="demo-fail").delete()
    Candidate.objects.filter(route__name="claude-opus-5-5").delete()
    Route.objects.filter(is_default=True).update(is_default=False)
    Team.objects.update(name="Platform")
    ClientKey.objects.update(name="Mia")
    rows = everything()
    run()
    assert everything() == rows


def test_another_port_moves_the_demo_and_nothing_else() -> None:
    run(3456)
    rows = everything()
    run(8123)
    moved = everything()
    (provider,) = moved.pop("providers.Provider")
    (before,) = rows.pop("providers.Provider")
    assert provider == {**before, "base_url": "http://127.0.0.1:8124/v1"}
    revisions = {row["scope"]: row["number"] for row in rows.pop("routing.Revision")}
    later = {row["scope"]: row["number"] for row in moved.pop("routing.Revision")}
    assert later == {**revisions, "routing": revisions["routing"] + 1}
    *earlier, entry = moved.pop("access.AuditEntry")
    assert earlier == rows.pop("access.AuditEntry")
    assert (entry["object_type"], json.loads(entry["changes"])) == (
        "providers.provider", {"base_url": [before["base_url"], provider["base_url"]]}
    )  # fmt: skip
    for head in (moved, rows):
        del head["access.AuditHead"]
    assert moved == rows


# --- keys in the environment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_key_makes_its_provider_and_stays_out_of_the_database(
    preset: ProviderPreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(preset.key_variable, "sk-secret-0123456789abcdef")
    text = run()
    provider = Provider.objects.get(is_demo=False)
    assert (provider.name, provider.dialect, provider.base_url) == (preset.name, preset.dialect, preset.base_url)
    credential = provider.credentials.get()
    assert (credential.source, credential.variable) == (Credential.Source.ENVIRONMENT, preset.key_variable)
    for model in preset.models:
        assert f"{preset.name}: {model.name}" in models_of(model.name)
    assert provider.is_local is False
    for name in CLAUDE_MODELS:
        assert all(candidate.startswith(f"{preset.name}: ") for candidate in models_of(name))
        assert models_of(name)
    # Claude Code asks for these whatever the request is about; who names another model means that one.
    yielding = set(Route.objects.filter(yields=True).values_list("name", flat=True))
    assert yielding == set(CLAUDE_MODELS)
    assert default_route() == "claude-sonnet-5-5"
    assert '"model":"claude-sonnet-5-5"' in line(text, "curl -N ")
    assert "0123456789abcdef" not in repr(everything())
    assert "0123456789abcdef" not in text


def test_with_several_keys_claude_models_are_answered_by_claude_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS:
        monkeypatch.setenv(preset.key_variable, "sk-0123456789abcdef")
    run()
    opus = ["anthropic: claude-opus-5-5", "openrouter: anthropic/claude-opus-5.5"]
    assert models_of("claude-opus-5-5") == opus
    assert models_of("gpt-5.2") == ["openai: gpt-5.2"]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_the_address_can_be_another(preset: ProviderPreset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(preset.key_variable, "sk-0123456789abcdef")
    monkeypatch.setenv(preset.url_variable, "http://127.0.0.1:9/prefix/v1/")
    run()
    provider = Provider.objects.get(name=preset.name)
    assert (provider.base_url, provider.is_local) == ("http://127.0.0.1:9/prefix/v1", True)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [("https://proxy.example/v1", False), ("http://gateway:8080/v1", True), ("http://llm.internal/v1", True)],
)
def test_an_address_on_a_private_network_marks_the_provider_local(
    url: str, is_local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("OPENAI_UPSTREAM_URL", url)
    run()
    assert Provider.objects.get(name="openai").is_local is is_local


def test_an_address_that_is_none_is_named_and_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("OPENAI_UPSTREAM_URL", "api.openai.example/v1")
    before = everything()
    with pytest.raises(CommandError, match=r"OPENAI_UPSTREAM_URL.*https://"):
        run()
    assert everything() == before


@pytest.mark.parametrize("value", ["", "   ", "sk-px-a-client-key-of-a-gateway"])
def test_what_is_no_provider_key_makes_no_provider(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", value)
    run()
    assert [provider.name for provider in Provider.objects.all()] == ["demo"]


def test_the_first_real_provider_takes_over_from_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    assert default_route() == "demo"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
    run()
    assert default_route() == "claude-sonnet-5-5"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    Route.objects.filter(is_default=True).update(is_default=False)
    Route.objects.filter(name="claude-opus-5-5").update(is_default=True)
    run()
    assert default_route() == "claude-opus-5-5"
    assert models_of("claude-opus-5-5") == ["anthropic: claude-opus-5-5"]


def test_later_runs_without_the_demo_leave_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    rows = everything()
    with override_settings(DEMO_UPSTREAM=False):
        run(9000)
    assert everything() == rows
