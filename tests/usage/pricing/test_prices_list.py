"""The page of all prices: what holds now, where it is from, what comes next, and what has no price."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from providers.models import Model, Provider
from providers.pricing.prices import Price
from tests.admin.pages import form_of, links_of, staff, text_of
from usage.reports.formatting import FIGURE_SPACE

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="ours", dialect="openai_chat", base_url="https://api.maker.example/v1")


def _shown(browser: Client, query: str = "") -> Any:
    page = browser.get(reverse("console:prices") + query)
    assert page.status_code == 200
    return page


def _names(page: Any) -> list[str]:
    return [line.model.name for line in page.context["lines"]]


def test_each_model_stands_with_its_price_its_source_and_what_comes_next(
    admin_client: Client, provider: Provider
) -> None:
    now = timezone.now()
    later = now + timedelta(days=30)
    for name in ("typed", "listed", "earlier", "unpriced"):
        Model.objects.create(provider=provider, name=name, enabled=name != "earlier")
    typed, listed, earlier = (Model.objects.get(name=name) for name in ("typed", "listed", "earlier"))
    Price.objects.create(model=typed, valid_until=later, input=Decimal(3), output=Decimal("15.125"), cache_read=0)
    Price.objects.create(model=typed, valid_from=later, input=Decimal("2.5"))
    Price.objects.create(
        model=listed, input=Decimal("0.000001"), source=Price.Source.LIBRARY, set_at=now - timedelta(days=90)
    )
    Price.objects.create(model=earlier, input=1, output=1, source="", set_at=None)
    page = _shown(admin_client)
    assert _names(page) == ["unpriced", "earlier", "listed", "typed"]
    lines = {line.model.name: line for line in page.context["lines"]}
    assert [strip_tags(text).rstrip(FIGURE_SPACE) for text in (lines["typed"].input, lines["typed"].output)] == [
        "$3.00", "$15.125",
    ]  # fmt: skip
    assert lines["typed"].source == "typed by hand"
    assert re.fullmatch(r"now|\d+ s ago", lines["typed"].age)
    assert lines["typed"].others == "cache read $0.00"
    assert (lines["typed"].coming, lines["typed"].comes_at) == ("input $2.50", later)
    assert (lines["listed"].input, lines["listed"].source, lines["listed"].age) == (
        "$0.000001", "price library", "90 days ago",
    )  # fmt: skip
    assert (lines["earlier"].source, lines["earlier"].age, lines["earlier"].is_off) == ("not known", "—", True)
    assert lines["unpriced"].price is None
    text = text_of(page)
    assert "no price" in text
    assert links_of(page)["typed"] == reverse("admin:providers_model_change", args=[typed.pk])


def test_prices_that_end_without_successors_are_announced(admin_client: Client, provider: Provider) -> None:
    end = timezone.now() + timedelta(days=1)
    Price.objects.create(model=Model.objects.create(provider=provider, name="m"), valid_until=end, input=1)
    (line,) = _shown(admin_client).context["lines"]
    assert (line.coming, line.comes_at) == ("no price", end)


def test_a_list_is_limited_by_source_and_words(admin_client: Client, provider: Provider) -> None:
    other = Provider.objects.create(name="other", dialect="openai_chat", base_url="https://example.com/v1")
    for number, source in enumerate(("hand", "library", "library", None)):
        model = Model.objects.create(provider=other if number == 2 else provider, name=f"m{number}")
        if source is not None:
            Price.objects.create(model=model, input=1, source=source)
    choices = {choice.label: choice for choice in _shown(admin_client).context["choices"]}
    assert {label: choice.count for label, choice in choices.items()} == {
        "All": 4, "Without a price": 1, "typed by hand": 1, "price library": 2,
    }  # fmt: skip
    assert _names(_shown(admin_client, choices["price library"].url)) == ["m2", "m1"]
    assert _names(_shown(admin_client, choices["Without a price"].url)) == ["m3"]
    assert _names(_shown(admin_client, "?q=OTHER+m")) == ["m2"]
    nothing = _shown(admin_client, "?q=nobody")
    assert links_of(nothing)["Show all models"] == reverse("console:prices")


def test_a_thousand_models_are_pages_of_fifty_with_few_queries(admin_client: Client, provider: Provider) -> None:
    models = Model.objects.bulk_create(Model(provider=provider, name=f"m{n:04}") for n in range(1000))
    Price.objects.bulk_create(Price(model=model, input=1, output=2) for model in models[:990])
    for query in ("", "?page=20", "?q=m01", "?show=none"):
        with CaptureQueriesContext(connection) as queries:
            page = _shown(admin_client, query)
        assert len(page.context["lines"]) == (10 if query == "?show=none" else 50)
        assert len(queries) <= 20, [query["sql"][:120] for query in queries]
    assert _names(_shown(admin_client))[:11] == [f"m{n:04}" for n in (*range(990, 1000), 0)]
    assert _names(_shown(admin_client, "?page=20"))[-1] == "m0989"


@pytest.mark.parametrize(
    ("permissions", "sees"),
    [((), False), (("providers.view_price",), False), (("providers.view_price", "providers.view_model"), True)],
)
def test_who_may_see_prices_finds_them_in_the_menu(permissions: tuple[str, ...], sees: bool) -> None:
    browser = staff(*permissions)
    assert browser.get(reverse("console:prices")).status_code == (200 if sees else 403)
    assert ("Prices" in text_of(browser.get("/admin/"))) is sees


def test_where_amounts_come_from_is_kept(admin_client: Client, provider: Provider) -> None:
    """A hand that corrects a price of the library's makes it its own; an end alone does not."""
    model = Model.objects.create(provider=provider, name="m")
    Price.objects.create(model=model, input=Decimal(3), source=Price.Source.LIBRARY)
    url = reverse("admin:providers_model_change", args=[model.pk])
    end = timezone.now() + timedelta(days=3)
    dates = {"prices-0-valid_until_0": f"{end:%Y-%m-%d}", "prices-0-valid_until_1": "12:00:00"}
    assert admin_client.post(url, form_of(admin_client.get(url)) | dates).status_code == 302
    assert Price.objects.get().source == "library"
    assert admin_client.post(url, form_of(admin_client.get(url)) | {"prices-0-input": "4"}).status_code == 302
    assert [price.source for price in Price.objects.order_by("id")] == ["library", "hand"]
