"""Providers, credentials and models in the admin: secrets go in and never come out, mistakes stand beside the field."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from providers import secrets
from providers.models import Credential, Model, Provider
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import errors_of, form_of, staff, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/providers/provider/add/?preset=blank"
SECRET = "sk-or-v1-0123456789abcdefWXYZ"


def _change(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://example.com/api/v1")


def _new(admin_client: Client, **fields: Any) -> dict[str, Any]:
    data = form_of(admin_client.get(ADD))
    return {**data, "name": "mine", "dialect": "openai_chat", "base_url": "https://example.com/v1", **fields}


def _credential(data: dict[str, Any], number: int = 0, **fields: Any) -> dict[str, Any]:
    row = {"name": "default", "source": "stored", "secret": "", "variable": "", "position": 0, "enabled": "on"}
    row |= {"weight": 1, "requests_per_minute": 0, "tokens_per_minute": 0, "concurrent": 0}
    rows = {f"credentials-{number}-{key}": value for key, value in {**row, **fields}.items()}
    return {**data, **rows, "credentials-TOTAL_FORMS": number + 1}


def test_a_provider_is_made_with_its_credential_on_one_page(admin_client: Client) -> None:
    data = _new(
        admin_client,
        base_url="https://example.com/v1/",
        **{"headers-0-name": "x-title", "headers-0-value": "our gateway", "headers-0-public": "on"},
        transforms='[{"name": "maxtoken", "options": {"limit": 8192}}]',
    )
    assert admin_client.post(ADD, _credential(data, secret=SECRET)).status_code == 302
    provider = Provider.objects.get()
    assert provider.base_url == "https://example.com/v1"
    assert provider.headers == {"x-title": "our gateway"}
    assert provider.transforms == [{"name": "maxtoken", "options": {"limit": 8192}}]
    assert secrets.decrypt(provider.credentials.get().ciphertext) == SECRET


def test_the_secret_never_comes_back_out(admin_client: Client) -> None:
    admin_client.post(ADD, _credential(_new(admin_client), secret=SECRET))
    provider = Provider.objects.get()
    page = admin_client.get(_change(provider))
    assert "stored, ends in …WXYZ" in text_of(page)
    listing = admin_client.get(reverse("admin:providers_provider_changelist"))
    assert "ends in …WXYZ" in text_of(listing)
    # Not even into the form that is shown again because of another mistake.
    again = admin_client.post(
        _change(provider), {**form_of(page), "base_url": "nonsense", "credentials-0-secret": SECRET}
    )
    assert "base_url" in errors_of(again)
    ciphertext = provider.credentials.get().ciphertext
    for response in (page, listing, again):
        assert SECRET not in response.content.decode()
        assert ciphertext not in response.content.decode()
    assert all(SECRET not in entry.change_message for entry in LogEntry.objects.all())


def test_an_empty_secret_keeps_the_stored_one_and_a_new_one_replaces_it(admin_client: Client) -> None:
    admin_client.post(ADD, _credential(_new(admin_client), secret=SECRET))
    provider = Provider.objects.get()
    data = form_of(admin_client.get(_change(provider)))
    assert data["credentials-0-secret"] == ""
    assert admin_client.post(_change(provider), {**data, "credentials-0-name": "renamed"}).status_code == 302
    kept = provider.credentials.get()
    assert (kept.name, secrets.decrypt(kept.ciphertext)) == ("renamed", SECRET)
    data = form_of(admin_client.get(_change(provider)))
    admin_client.post(_change(provider), {**data, "credentials-0-secret": "  sk-another-secret-9999\n"})
    assert secrets.decrypt(provider.credentials.get().ciphertext) == "sk-another-secret-9999"
    assert provider.credentials.get().last_four == "9999"


def test_a_variable_says_whether_it_is_set_here_and_drops_the_stored_secret(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin_client.post(ADD, _credential(_new(admin_client), secret=SECRET))
    provider = Provider.objects.get()
    data = form_of(admin_client.get(_change(provider)))
    data |= {"credentials-0-source": "environment", "credentials-0-variable": "MY_PROVIDER_API_KEY"}
    assert admin_client.post(_change(provider), data).status_code == 302
    credential = provider.credentials.get()
    assert (credential.ciphertext, credential.last_four) == ("", "")
    assert "MY_PROVIDER_API_KEY is not set in this process" in text_of(admin_client.get(_change(provider)))
    monkeypatch.setenv("MY_PROVIDER_API_KEY", "sk-from-the-environment")
    text = text_of(admin_client.get(_change(provider)))
    assert "MY_PROVIDER_API_KEY is set in this process" in text
    assert "sk-from-the-environment" not in text


def test_without_an_encryption_key_the_error_stands_beside_the_secret(admin_client: Client, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    errors = errors_of(admin_client.post(ADD, _credential(_new(admin_client), secret=SECRET)))
    assert list(errors) == ["credentials-0-secret"]
    assert "ENCRYPTION_KEYS is empty" in errors["credentials-0-secret"][0]
    assert not Provider.objects.exists()


def test_a_provider_on_this_machine_is_saved_once_it_is_marked_local(admin_client: Client) -> None:
    data = _new(admin_client, base_url="http://localhost:11434")
    assert list(errors_of(admin_client.post(ADD, data))) == ["base_url"]
    assert admin_client.post(ADD, {**data, "is_local": "on"}).status_code == 302
    assert Provider.objects.get().is_local


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic", "ollama", "gemini"])
def test_an_endpoints_address_is_cut_to_the_base_url(admin_client: Client, dialect: str) -> None:
    endpoint, base_url = {
        "openai_chat": ("https://example.com/api/v1/chat/completions/", "https://example.com/api/v1"),
        "anthropic": ("https://example.com/anthropic/v1/messages", "https://example.com/anthropic"),
        "ollama": ("https://example.com/api/chat", "https://example.com"),
        "gemini": (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:streamGenerateContent",
            "https://generativelanguage.googleapis.com/v1beta",
        ),
    }[dialect]
    response = admin_client.post(ADD, _new(admin_client, dialect=dialect, base_url=endpoint))
    assert response.status_code == 302, errors_of(response)
    assert Provider.objects.get().base_url == base_url


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"base_url": "example.com/v1"}, "base_url", "Start the address with https://"),
        ({"base_url": "https://user:word@example.com"}, "base_url", "secrets go into a credential"),
        ({"base_url": "http://["}, "base_url", "This is not a URL"),
        ({"base_url": "http://127.0.0.1:11434"}, "base_url", "switch “local” on"),
        ({"base_url": "http://ollama:11434"}, "base_url", "switch “local” on"),
        ({"base_url": "http://169.254.169.254/v1", "is_local": "on"}, "base_url", "is blocked"),
        (
            {"base_url": "https://api.openai.com/v1/responses"},
            "base_url",
            "of the dialect openai_responses. Choose that dialect, or enter the base URL of this one, such as "
            "https://api.openai.com/v1.",
        ),
        (
            {"base_url": "https://x.openai.azure.com/openai/chat/completions?api-version=1"},
            "base_url",
            "from the ? or #",
        ),
        ({"proxy_url": "nonsense"}, "proxy_url", "Start the address"),
        ({"headers-0-name": "authorization", "headers-0-value": "x"}, "headers", "set by the gateway"),
        ({"headers-0-name": "x a", "headers-0-value": "x"}, "headers", "not a valid header name"),
        ({"headers-0-name": "x-a", "headers-0-value": "ö"}, "headers", "one line of ASCII"),
        ({"transforms": '[{"name": "maxtokens"}]'}, "transforms", "There is no transform 'maxtokens'"),
        ({"transforms": '[{"name": "deepseek"}]'}, "transforms", "choose the profile deepseek"),
        (
            {"transforms": '[{"name": "cleancache"}, {"name": "tooluse"}]', "dialect": "anthropic"},
            "transforms",
            "Remove tooluse: Anthropic Messages answers pass unchanged",
        ),
        ({"transforms": '[{"name": "maxtoken", "options": {"limit": 0}}]'}, "transforms", "maxtoken: "),
        ({"idle_timeout": "0"}, "idle_timeout", "0.1"),
        ({"name": "My Provider"}, "name", "lower-case"),
    ],
)
def test_mistakes_are_reported_beside_the_field(
    admin_client: Client, fields: dict[str, str], field: str, says: str
) -> None:
    response = admin_client.post(ADD, _new(admin_client, **fields))
    errors = errors_of(response)
    assert list(errors) == [field]
    assert says in errors[field][0]
    assert errors[field][0][:20] in text_of(response)


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({}, "secret", "Enter the secret"),
        ({"secret": "sk with space"}, "secret", "copy it again"),
        ({"source": "environment"}, "variable", "name of the variable"),
        ({"source": "environment", "variable": "A-B"}, "variable", "not a valid variable name"),
        ({"source": "environment", "variable": "A_API_KEY", "secret": "sk-1"}, "secret", "Leave this empty"),
    ],
)
def test_a_credential_that_cannot_work_is_not_taken(
    admin_client: Client, fields: dict[str, str], field: str, says: str
) -> None:
    credential: dict[str, Any] = {"name": "c", **fields}
    errors = errors_of(admin_client.post(ADD, _credential(_new(admin_client), **credential)))
    assert list(errors) == [f"credentials-0-{field}"]
    assert says in errors[f"credentials-0-{field}"][0]


def test_names_that_are_taken_are_reported_beside_the_name(admin_client: Client, provider: Provider) -> None:
    errors = errors_of(admin_client.post(ADD, _new(admin_client, name="openrouter")))
    assert errors == {"name": ["Another provider has this name: choose another name, or edit that provider."]}
    twice = _credential(_credential(_new(admin_client), 0, secret=SECRET), 1, secret=SECRET)
    assert list(errors_of(admin_client.post(ADD, twice))) == ["credentials-1-name"]
    Model.objects.create(provider=provider, name="m")
    alone = {"provider": provider.pk, "name": "m", "capabilities": [], "transforms": ""}
    errors = errors_of(admin_client.post(reverse("admin:providers_model_add"), alone))
    assert "already" in errors["name"][0]


def test_a_models_chain_fits_its_providers_dialect(admin_client: Client, provider: Provider) -> None:
    page = reverse("admin:providers_model_add")
    model = {"provider": provider.pk, "name": "m", "capabilities": [], "transforms": '[{"name": "enhancetool"}]'}
    Provider.objects.filter(pk=provider.pk).update(dialect="anthropic")
    errors = errors_of(admin_client.post(page, model))
    assert list(errors) == ["transforms"]
    assert errors["transforms"][0].startswith("Remove enhancetool: ")
    Provider.objects.filter(pk=provider.pk).update(dialect="openai_chat")
    assert "transforms" not in errors_of(admin_client.post(page, model))


def test_the_help_names_every_transform_with_its_options(admin_client: Client) -> None:
    text = text_of(admin_client.get(ADD))
    assert "maxtoken (limit): Lower max_tokens to the limit." in text
    assert "sampling (temperature, top_p, top_k, repetition_penalty, max_tokens)" in text


def test_the_demo_is_marked_wherever_it_appears(admin_client: Client, provider: Provider) -> None:
    demo = Provider.objects.create(
        name="built-in", dialect="openai_chat", base_url="http://127.0.0.1:3457/v1", is_demo=True
    )
    model = Model.objects.create(provider=demo, name="fast")
    Model.objects.create(provider=provider, name="slow")
    badge = "The built-in demo upstream"
    for url, times in (
        (reverse("admin:providers_provider_changelist"), 1),
        (_change(demo), 1),
        (_change(provider), 0),
        (reverse("admin:providers_model_changelist"), 1),
    ):
        assert admin_client.get(url).content.decode().count(badge) == times, url
    row = request_row(provider_id=demo.pk, provider_name="built-in", model_name="fast")
    attempt_row(row, provider_id=demo.pk, provider_name="built-in", model_name="fast")
    for url, times in (
        ("/admin/", 1),
        ("/admin/?group=provider", 2),
        (reverse("console:provider-test", args=[demo.pk]), 1),
        (reverse("admin:usage_requestlog_changelist"), 1),
        (reverse("admin:usage_requestlog_change", args=[row]), 1),
        (reverse("admin:usage_attemptlog_changelist"), 1),
    ):
        assert admin_client.get(url).content.decode().count(badge) == times, url
    found = admin_client.get(
        reverse("admin:autocomplete"), {"app_label": "routing", "model_name": "candidate", "field_name": "model"}
    )
    assert {"id": str(model.pk), "text": "built-in (demo): fast"} in found.json()["results"]


def test_a_reader_sees_no_form_and_no_secret(provider: Provider) -> None:
    credential = Credential(provider=provider, name="default")
    credential.set_secret(SECRET)
    credential.save()
    browser = staff("providers.view_provider", "providers.view_credential")
    body = browser.get(_change(provider)).content.decode()
    assert SECRET not in body
    assert credential.ciphertext not in body
    assert 'type="password"' not in body
    assert browser.post(_change(provider), {"name": "x"}).status_code == 403
