"""A provider with many models, and the list of its models as a browser reads and sends it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from providers.models import Model, Provider
from providers.pricing.prices import Price

LIST = "/admin/providers/model/"


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://example.com/api/v1")


def _fill(provider: Provider, count: int) -> Provider:
    models = Model.objects.bulk_create(Model(provider=provider, name=f"m{n:04}") for n in range(count))
    Price.objects.bulk_create(Price(model=model, input=Decimal(1), output=Decimal(2)) for model in models)
    return provider


@pytest.fixture
def many(provider: Provider) -> Provider:
    """A provider with 60 models at a price: two pages of the list."""
    return _fill(provider, 60)


@pytest.fixture
def thousand(provider: Provider) -> Provider:
    """A provider with 1,000 models at a price."""
    return _fill(provider, 1000)


def list_of(provider: Provider, more: str = "") -> str:
    """The address of the list of a provider's models."""
    return f"{LIST}?provider__id__exact={provider.pk}{more}"


def rows_of(page: Any) -> dict[str, Any]:
    """What a browser sends back if nobody touched the rows of a list."""
    formset = page.context["cl"].formset
    data: dict[str, Any] = {"_save": "Save"}
    for form in [formset.management_form, *formset.forms]:
        for bound in form:
            value = bound.field.prepare_value(bound.value())
            if isinstance(value, bool):
                data |= {bound.html_name: "on", bound.html_initial_name: "True"} if value else {}
            else:
                data |= dict.fromkeys((bound.html_name, bound.html_initial_name), "" if value is None else value)
    return data


Save = Callable[..., Any]


@pytest.fixture
def save(admin_client: Client) -> Save:
    """Changes fields of the first rows of a list, by number, and sends it."""

    def sent(url: str, **changes: Any) -> Any:
        data = rows_of(admin_client.get(url))
        for name, value in changes.items():
            field = f"form-{name[-1]}-{name[:-2]}"
            data.pop(field, None)
            data |= {} if value is False else {field: value}
        return admin_client.post(url, data)

    return sent
