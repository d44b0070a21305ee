"""A right to change a provider is no right to its secrets: they are bound to the address they were entered for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from providers.credentials.binding import destination
from providers.models import Credential, Model, Provider
from routing.loading.load import load_snapshot
from routing.models import Candidate, Route
from tests.admin.pages import errors_of, form_of, staff, text_of

pytestmark = pytest.mark.django_db

SECRET = "sk-marked-0123456789abcdefWXYZ"
HERE, EVIL = "https://example.com/api/v1", "https://evil.example.net/api/v1"
NAMING = ("providers.change_provider", "providers.add_credential", "providers.change_credential")


@pytest.fixture
def provider() -> Provider:
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url=HERE)
    model = Model.objects.create(provider=provider, name="m")
    Candidate.objects.create(route=Route.objects.create(name="r"), model=model)
    return provider


@pytest.fixture
def stored(provider: Provider) -> Credential:
    credential = Credential(provider=provider, name="main")
    credential.set_secret(SECRET)
    credential.save()
    return credential


@pytest.fixture
def named(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Credential:
    monkeypatch.setenv("MINE_API_KEY", SECRET)
    return Credential.objects.create(
        provider=provider, name="main", source=Credential.Source.ENVIRONMENT, variable="MINE_API_KEY"
    )


def _page(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def _change(browser: Client, provider: Provider, **fields: Any) -> Any:
    return browser.post(_page(provider), {**form_of(browser.get(_page(provider))), **fields})


def _secrets(provider: Provider) -> list[str]:
    return [one.secret.reveal() for one in load_snapshot({}).providers[provider.pk].credentials]


def _cause() -> str:
    route = load_snapshot({}).routes["r"]
    assert bool(route.candidates) is not bool(route.dropped)
    return route.dropped[0][1] if route.dropped else ""


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": EVIL},
        {"base_url": "http://example.com/api/v1"},
        {"base_url": "https://example.com:8443/api/v1"},
        {"base_url": "https://example.com/another/v1"},
        {"proxy_url": "http://evil.example.net:3128"},
    ],
    ids=["host", "scheme", "port", "path", "proxy"],
)
def test_whoever_may_only_change_a_provider_takes_no_secret_elsewhere(
    provider: Provider, stored: Credential, change: dict[str, str]
) -> None:
    assert _secrets(provider) == [SECRET]
    browser = staff("providers.change_provider")
    assert _change(browser, provider, **change).status_code == 302
    assert _secrets(provider) == []
    assert "enter it again" in _cause()
    assert browser.post(reverse("console:provider-test", args=[provider.pk]), {"other": "m"}).status_code == 403
    # What was entered for this address is used again once the provider is back.
    assert _change(browser, provider, base_url=HERE, proxy_url="").status_code == 302
    assert _secrets(provider) == [SECRET]
    assert _cause() == ""


def test_a_slash_a_default_port_and_capitals_are_no_other_address() -> None:
    same = {
        destination(url, "", "", {})
        for url in ("https://Example.com/v1", "https://example.com:443/v1/", " https://example.com/v1")
    }
    assert same == {"https://example.com:443/v1"}


def test_a_platforms_host_options_count_and_its_other_options_do_not() -> None:
    url = "https://gateway.example.com"
    start = destination(url, "", "bedrock", {"region": "eu-central-1"})
    assert destination(url, "", "bedrock", {"region": "eu-central-1", "betas": []}) == start
    others = [
        destination(url, "", "bedrock", {"region": "us-east-1"}),
        destination(url, "", "bedrock", {"region": "eu-central-1", "role_arn": "arn:aws:iam::1:role/x"}),
        destination(url, "", "vertex", {"location": "europe-west1", "project": "p"}),
        destination(url, "", "", {}),
    ]
    assert len({start, *others}) == 5


def test_other_fields_of_a_credential_do_not_bind_it_anew(provider: Provider, stored: Credential) -> None:
    browser = staff(*NAMING)
    _change(browser, provider, base_url=EVIL)
    fields = {"credentials-0-name": "renamed", "credentials-0-position": "3"}
    assert _change(browser, provider, **fields).status_code == 302
    assert Credential.objects.get().name == "renamed"
    assert _secrets(provider) == []


def test_entering_the_secret_again_binds_it_to_the_new_address(provider: Provider, stored: Credential) -> None:
    browser = staff(*NAMING)
    _change(browser, provider, base_url=EVIL)
    assert f"inactive: it was entered for another address: enter it again ({destination(HERE, '', '', {})}" in text_of(
        browser.get(_page(provider))
    )
    assert _change(browser, provider, **{"credentials-0-secret": "sk-known-to-me-00001"}).status_code == 302
    assert _secrets(provider) == ["sk-known-to-me-00001"]


def test_address_and_secret_are_changed_on_one_page(provider: Provider, stored: Credential) -> None:
    fields = {"base_url": EVIL, "credentials-0-secret": "sk-known-to-me-00001"}
    assert _change(staff(*NAMING), provider, **fields).status_code == 302
    assert _secrets(provider) == ["sk-known-to-me-00001"]
    assert Credential.objects.get().bound_to == destination(EVIL, "", "", {})


def test_a_change_says_which_credentials_it_has_made_inactive(provider: Provider, stored: Credential) -> None:
    browser = staff("providers.change_provider")
    _change(browser, provider, base_url=EVIL)
    shown = text_of(browser.get(reverse("admin:providers_provider_changelist")))
    assert "The credential main is not used: it was entered for another address: enter it again." in shown
    assert "stored, ends in …WXYZ, but inactive" in shown


def test_a_variable_is_confirmed_by_whoever_may_name_variables_only(provider: Provider, named: Credential) -> None:
    assert _secrets(provider) == [SECRET]
    browser = staff(*NAMING)
    _change(browser, provider, base_url=EVIL)
    assert _secrets(provider) == []
    assert "confirm it again" in _cause()
    refused = errors_of(_change(browser, provider, **{"credentials-0-confirm": "on"}))
    assert "You may not name environment variables" in refused["credentials-0-confirm"][0]
    assert _secrets(provider) == []
    confirming = staff(*NAMING, "providers.name_variable")
    assert _change(confirming, provider, **{"credentials-0-confirm": "on"}).status_code == 302
    assert _secrets(provider) == [SECRET]


@pytest.mark.parametrize("variable", ["OTHERS_API_KEY", "MINE_API_KEY"])
def test_only_whoever_may_name_variables_names_one(
    provider: Provider, stored: Credential, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)
    fields = {"credentials-0-source": "environment", "credentials-0-variable": variable}
    assert list(errors_of(_change(staff(*NAMING), provider, **fields))) == ["credentials-0-variable"]
    Credential.objects.all().delete()
    row = {"name": "new", "source": "environment", "variable": variable, "position": 0, "enabled": "on"}
    row |= {"weight": 1, "requests_per_minute": 0, "tokens_per_minute": 0, "concurrent": 0}
    fields = {"credentials-TOTAL_FORMS": "1", **{f"credentials-0-{name}": str(value) for name, value in row.items()}}
    assert list(errors_of(_change(staff(*NAMING), provider, **fields))) == ["credentials-0-variable"]
    assert _change(staff(*NAMING, "providers.name_variable"), provider, **fields).status_code == 302
    assert _secrets(provider) == [SECRET]


def test_a_row_that_was_written_past_the_model_is_not_bound_and_not_used(provider: Provider) -> None:
    row = Credential(provider=provider, name="bulk")
    row.set_secret(SECRET)
    Credential.objects.bulk_create([row])
    assert _secrets(provider) == []
    browser = staff(*NAMING)
    assert _change(browser, provider, **{"credentials-0-position": "1"}).status_code == 302
    assert _secrets(provider) == []


def test_another_credential_is_used_and_the_inactive_one_is_named(provider: Provider, stored: Credential) -> None:
    Provider.objects.filter(pk=provider.pk).update(base_url=EVIL)
    spare = Credential(provider=provider, name="spare", position=1)
    spare.set_secret("sk-spare-00000000001")
    spare.save()
    loaded = load_snapshot({}).providers[provider.pk]
    assert [one.name for one in loaded.credentials] == ["spare"]
    assert loaded.inactive == (("main", "it was entered for another address: enter it again"),)
    assert loaded.refusal == ""
