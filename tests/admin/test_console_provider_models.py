"""The page of the models that a provider lists: permissions, what it shows, and what it adds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from providers.config import ProviderConfig
from providers.model_list import ListedModel
from providers.models import Credential, Model, Provider
from providers.outbound.model_lists import NoModelList
from providers.pricing.prices import Price
from proxysite.console.providers import pages as providers
from tests.admin.pages import links_of, staff, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    provider = Provider.objects.create(name="openai", dialect="openai_chat", base_url="https://api.openai.com/v1")
    Model.objects.create(provider=provider, name="gpt-5.2", context_window=7)
    return provider


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> list[ListedModel]:
    """What the provider lists."""
    models = [
        ListedModel("gpt-5.2", 400_000),
        ListedModel("gpt-4o", 128_000, 16_384),
        ListedModel("<b>bold</b>"),
        ListedModel("gpt-4.1", amounts={"input": Decimal(7), "output": Decimal(8)}),
    ]

    async def model_list(provider: ProviderConfig) -> list[ListedModel]:
        return models

    monkeypatch.setattr(providers, "model_list", model_list)
    return models


def _url(provider: Provider) -> str:
    return reverse("console:provider-models", args=[provider.pk])


def test_the_providers_page_leads_here(admin_client: Client, provider: Provider) -> None:
    page = admin_client.get(reverse("admin:providers_provider_change", args=[provider.pk]))
    (button,) = (address for label, address in links_of(page).items() if label.endswith("List models"))
    assert admin_client.get(button)["Location"] == _url(provider)


def test_selected_models_are_added_with_its_limits_and_prices(
    admin_client: Client, provider: Provider, listing: list[ListedModel]
) -> None:
    page = admin_client.get(_url(provider))
    assert "gpt-4o" in text_of(page)
    assert "<b>bold</b>" not in page.content.decode()
    answer = admin_client.post(_url(provider), {"name": ["gpt-4o", "gpt-5.2", "not listed"]}, follow=True)
    assert "Added one model." in answer.content.decode()
    added = Model.objects.get(name="gpt-4o")
    assert (added.context_window, added.max_output) == (128_000, 16_384)
    price = Price.objects.get(model=added)
    assert price.input is not None
    assert price.input > Decimal(0)
    assert price.source == "library"
    assert Model.objects.get(name="gpt-5.2").context_window == 7
    assert not Model.objects.filter(name="not listed").exists()


def test_prices_that_the_provider_itself_lists_come_first(
    admin_client: Client, provider: Provider, listing: list[ListedModel]
) -> None:
    admin_client.post(_url(provider), {"name": ["gpt-4.1"]})
    price = Price.objects.get()
    assert (price.input, price.output, price.source) == (Decimal(7), Decimal(8), "provider")


def test_the_reason_for_no_list_is_shown(
    admin_client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def model_list(provider: ProviderConfig) -> list[ListedModel]:
        raise NoModelList("The list could not be fetched: its server answered HTTP 401.")

    monkeypatch.setattr(providers, "model_list", model_list)
    assert "answered HTTP 401" in text_of(admin_client.get(_url(provider)))
    assert admin_client.post(_url(provider), {"name": ["gpt-4o"]}).status_code == 200
    assert Model.objects.count() == 1
    Provider.objects.update(enabled=False)
    assert "is disabled" in text_of(admin_client.get(_url(provider)))


def test_it_needs_a_permission_of_its_own_and_the_one_to_add_models(provider: Provider) -> None:
    needed = ["providers.view_provider", "providers.use_credential", "providers.add_model"]
    for missing in needed:
        rest = [permission for permission in needed if permission != missing]
        assert staff("access.view_team", *rest).get(_url(provider)).status_code == 403
    assert staff(*needed).get(_url(provider)).status_code == 200


@pytest.mark.usefixtures("listing")
def test_a_provider_without_a_usable_credential_is_not_asked(admin_client: Client, provider: Provider) -> None:
    credential = Credential(provider=provider, name="main")
    credential.set_secret("sk-of-another-address")
    credential.save()
    Provider.objects.update(base_url="https://evil.example.net/v1")
    assert (
        "The provider is not called: the provider has no usable credential (main: it was entered for another address: "
        "enter it again)."
    ) in text_of(admin_client.get(_url(provider)))
