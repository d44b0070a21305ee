"""Values of a provider's own headers are secrets: they go in and never come out, unless they are ticked public."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from providers.credentials.binding import destination, destination_of
from providers.credentials.headers import opened, sealed
from providers.models import Credential, Provider
from routing.loading.load import load_snapshot
from tests.admin.pages import errors_of, form_of, staff, text_of
from tests.rooms.test_checks import warnings

pytestmark = pytest.mark.django_db

VALUE = "marked-value-of-a-header-01"
HERE, EVIL = "https://example.com/v1", "https://evil.example.net/v1"


@pytest.fixture
def provider() -> Provider:
    provider = Provider(name="mine", dialect="openai_chat", base_url=HERE, headers={"x-title": "ours"})
    provider.secret_headers = {"x-relay-id": sealed(VALUE, destination_of(provider))}
    provider.save()
    return provider


def _page(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def _change(browser: Client, provider: Provider, **fields: Any) -> Any:
    return browser.post(_page(provider), {**form_of(browser.get(_page(provider))), **fields})


def _line(number: int, name: str, value: str = "", public: bool = False) -> dict[str, str]:
    fields = {f"headers-{number}-name": name, f"headers-{number}-value": value}
    return {**fields, f"headers-{number}-public": "on"} if public else fields


def _loaded(provider: Provider) -> dict[str, str]:
    return dict(load_snapshot({}).providers[provider.pk].headers)


def test_a_value_goes_in_encrypted_and_never_comes_out(admin_client: Client) -> None:
    add = reverse("admin:providers_provider_add") + "?preset=blank"
    data = {**form_of(admin_client.get(add)), "name": "mine", "dialect": "openai_chat", "base_url": HERE}
    again = admin_client.post(add, {**data, "name": "My Name", **_line(0, "Helicone-Auth", VALUE)})
    assert list(errors_of(again)) == ["name"]
    data |= {**_line(0, "Helicone-Auth", VALUE), **_line(1, "x-title", "ours", public=True)}
    assert admin_client.post(add, data).status_code == 302
    provider = Provider.objects.get()
    assert provider.headers == {"x-title": "ours"}
    assert list(provider.secret_headers) == ["Helicone-Auth"]
    assert opened(provider.secret_headers["Helicone-Auth"]) == VALUE
    assert VALUE not in str(provider.secret_headers)
    loaded = load_snapshot({}).providers[provider.pk]
    assert dict(loaded.headers) == {"x-title": "ours", "helicone-auth": VALUE}
    assert loaded.secret_headers == {"helicone-auth"}
    history = admin_client.get(reverse("admin:providers_provider_history", args=[provider.pk]))
    for response in (again, admin_client.get(_page(provider)), history):
        assert VALUE not in response.content.decode()
    assert all(VALUE not in entry.change_message for entry in LogEntry.objects.all())


def test_an_empty_value_keeps_the_stored_one_and_a_cleared_name_removes_it(provider: Provider) -> None:
    browser = staff("providers.change_provider")
    assert _change(browser, provider, notes="another").status_code == 302
    assert _loaded(provider) == {"x-title": "ours", "x-relay-id": VALUE}
    assert _change(browser, provider, **_line(1, "x-relay-id", "mine-000001")).status_code == 302
    assert _loaded(provider) == {"x-title": "ours", "x-relay-id": "mine-000001"}
    assert _change(browser, provider, **_line(1, "")).status_code == 302
    assert _loaded(provider) == {"x-title": "ours"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (_line(1, "x-relay-id", public=True), "Enter the value of x-relay-id again to make it public"),
        (_line(1, "x-other-id"), "Enter the value of x-other-id."),
        (_line(1, "X-Relay-Id"), "Enter the value of X-Relay-Id."),
        (_line(2, "X-Title", "again"), "X-Title is there twice"),
        (_line(2, "", "value"), "Enter the name of the header"),
    ],
    ids=["made public", "renamed", "other capitals", "twice", "without a name"],
)
def test_no_stored_value_is_made_public_or_moved_to_another_name(
    provider: Provider, line: dict[str, str], says: str
) -> None:
    errors = errors_of(_change(staff("providers.change_provider"), provider, **line))
    assert list(errors) == ["headers"]
    assert says in errors["headers"][0]
    assert _loaded(provider) == {"x-title": "ours", "x-relay-id": VALUE}


def test_a_changed_address_takes_no_value_along(provider: Provider) -> None:
    browser = staff("providers.change_provider")
    assert _change(browser, provider, base_url=EVIL).status_code == 302
    loaded = load_snapshot({}).providers[provider.pk]
    assert dict(loaded.headers) == {"x-title": "ours"}
    assert loaded.refusal == (
        "its secret header x-relay-id is not sent (it was entered for another address: enter it again)"
    )
    page = text_of(browser.get(_page(provider)))
    assert "stored, but inactive: it was entered for another address: enter it again" in page
    assert _change(browser, provider, **_line(1, "x-relay-id", "mine-000001")).status_code == 302
    assert _loaded(provider) == {"x-title": "ours", "x-relay-id": "mine-000001"}
    assert load_snapshot({}).providers[provider.pk].refusal == ""


@pytest.mark.parametrize("public", [True, False])
def test_a_header_that_steers_a_relay_takes_no_secret_along(provider: Provider, public: bool) -> None:
    credential = Credential(provider=provider, name="main")
    credential.set_secret("sk-marked-secret-0000001")
    credential.save()
    steering = _line(2, "x-portkey-custom-host", "https://evil.example.net", public=public)
    assert _change(staff("providers.change_provider"), provider, **steering).status_code == 302
    loaded = load_snapshot({}).providers[provider.pk]
    assert loaded.credentials == ()
    assert "x-relay-id" in loaded.refusal
    assert "x-relay-id" not in dict(loaded.headers)


def test_a_filter_in_the_address_says_nothing_of_a_value(provider: Provider) -> None:
    Provider.objects.update(secret_headers={"x-a": {"plain": VALUE, "bound_to": ""}})
    browser = staff("providers.view_provider")
    listing = reverse("admin:providers_provider_changelist")
    for lookup in ("secret_headers__x-a__plain__startswith", "secret_headers__contains", "secret_headers__icontains"):
        assert browser.get(listing, {lookup: "marked"}).status_code == 400
    assert VALUE not in browser.get(_page(provider)).content.decode()


def test_an_import_encrypts_what_is_not_known_to_be_public(tmp_path: Any) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "version: 1\nproviders: [{name: p, dialect: openai_chat, base_url: 'https://example.com/v1', headers: "
        f"{{x-title: ours, x-relay-id: {VALUE}, x-map: {{value: seen, public: true}}, x-late: {{stored: true}}}}}}]"
    )
    out = io.StringIO()
    call_command("import_config", str(path), "--write", stdout=out)
    row = Provider.objects.get()
    assert row.headers == {"x-title": "ours", "x-map": "seen"}
    assert opened(row.secret_headers["x-relay-id"]) == VALUE
    assert VALUE not in out.getvalue() + str(row.secret_headers)
    assert "Header x-late of p has no value: enter it in the admin." in out.getvalue()
    assert (
        load_snapshot({}).providers[row.pk].refusal
        == "its secret header x-late is not sent (it has no value: enter it)"
    )


@pytest.mark.both_databases
@pytest.mark.parametrize("with_key", [True, False])
def test_an_upgrade_hides_all_values_but_the_known_ones(with_key: bool, settings: Any) -> None:
    given = {
        "Anthropic-Beta": "b",
        "HTTP-Referer": "https://ours.example",
        "X-Title": "ours",
        "OpenAI-Organization": "org",
        "x-portkey-api-key": VALUE,
        "x-portkey-custom-host": "https://relayed.example",
    }
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url=HERE, headers=given)
    credential = Credential(provider=provider, name="main", bound_to=destination(HERE, "", "", {}))
    credential.set_secret("sk-000000000001")
    credential.binds = False
    credential.save()
    keys = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = keys if with_key else []
    import_module("providers.migrations.0009_secret_headers").hide(apps, None)
    provider.refresh_from_db()
    assert set(provider.headers) == {"Anthropic-Beta", "HTTP-Referer", "X-Title", "OpenAI-Organization"}
    assert (VALUE in str(provider.secret_headers)) is not with_key
    settings.ENCRYPTION_KEYS = keys
    loaded = load_snapshot({}).providers[provider.pk]
    assert dict(loaded.headers) == {name.lower(): value for name, value in given.items()}
    assert loaded.secret_headers == {"x-portkey-api-key", "x-portkey-custom-host"}
    assert [one.name for one in loaded.credentials] == ["main"]
    assert ("gateway.W007" in warnings(["default"])) is not with_key
    provider.save()
    assert VALUE not in str(provider.secret_headers)
    assert "gateway.W007" not in warnings(["default"])
    assert dict(load_snapshot({}).providers[provider.pk].headers) == dict(loaded.headers)
