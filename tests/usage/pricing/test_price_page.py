"""The prices on a model's page: what has begun is ended and not edited, and no two prices hold at one moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from providers.models import Model, Provider
from providers.pricing.prices import Price, refuse_overlap
from tests.admin.pages import errors_of, form_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def model() -> Model:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    return Model.objects.create(provider=provider, name="m")


@pytest.fixture
def used(model: Model) -> Price:
    """The only prices of the model, in force since ever."""
    return Price.objects.create(model=model, input=Decimal(3), output=Decimal(15))


def _page(browser: Browser, model: Model) -> dict[str, Any]:
    return form_of(browser.get(reverse("admin:providers_model_change", args=[model.pk])))


def _submit(browser: Browser, model: Model, data: dict[str, Any]) -> Any:
    return browser.post(reverse("admin:providers_model_change", args=[model.pk]), data, follow=True)


def _added(data: dict[str, Any], amount: str, start: datetime | None = None) -> dict[str, Any]:
    """The page with one more row of prices."""
    number = int(data["prices-TOTAL_FORMS"])
    row = {"input": amount} | {f"valid_from_{n}": text for n, text in enumerate(_halves(start))}
    return data | {f"prices-{number}-{name}": value for name, value in row.items()} | {"prices-TOTAL_FORMS": number + 1}


def _halves(moment: datetime | None) -> tuple[str, str]:
    return ("", "") if moment is None else (f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}")


def _until(number: int, moment: datetime) -> dict[str, str]:
    return {f"prices-{number}-valid_until_{n}": text for n, text in enumerate(_halves(moment))}


def _history() -> list[Price]:
    """The prices, the earliest first, none of which overlaps another."""
    prices = list(Price.objects.order_by("id"))
    for number, price in enumerate(prices):
        refuse_overlap(price, prices[:number])
    return prices


def test_prices_are_corrected_again_and_again(admin_client: Browser, model: Model, used: Price) -> None:
    for amount in ("4", "5", "6"):
        response = _submit(admin_client, model, _page(admin_client, model) | {"prices-0-input": amount})
        assert "The prices that you changed end now" in text_of(response)
    prices = _history()
    assert [price.input for price in prices] == [Decimal(amount) for amount in (3, 4, 5, 6)]
    assert [price.valid_until for price in prices[:-1]] == [price.valid_from for price in prices[1:]]
    _submit(admin_client, model, _page(admin_client, model) | {"max_output": "7"})
    model.refresh_from_db()
    assert model.max_output == 7
    assert list(Price.objects.order_by("id").values()) == [
        {name: value for name, value in vars(price).items() if name != "_state"} for price in prices
    ]


def test_prices_without_a_start_begin_where_the_deleted_ones_end(
    admin_client: Browser, model: Model, used: Price
) -> None:
    response = _submit(
        admin_client, model, _added(_page(admin_client, model), "4") | {"prices-0-DELETE": "on", "prices-0-input": "9"}
    )
    assert "ended and not deleted" in text_of(response)
    assert "The prices that you added begin now" in text_of(response)
    old, new = _history()
    assert (old.pk, old.input, new.input) == (used.pk, Decimal(3), Decimal(4))
    assert new.valid_from == old.valid_until is not None


def test_prices_that_begin_when_others_end_a_moment_ago_begin_now(
    admin_client: Browser, model: Model, used: Price
) -> None:
    moment = timezone.now() - timedelta(minutes=5)
    _submit(admin_client, model, _added(_page(admin_client, model), "4", moment) | _until(0, moment))
    old, new = _history()
    assert old.valid_until is not None
    assert timezone.now() - timedelta(minutes=1) < old.valid_until == new.valid_from
    assert (old.input, new.input) == (Decimal(3), Decimal(4))


def test_prices_begin_at_the_end_that_the_page_shows_without_its_fraction_of_a_second(
    admin_client: Browser, model: Model, used: Price
) -> None:
    ends = [(timezone.now() + timedelta(days=days)).replace(microsecond=654_321) for days in (-2, 2)]
    Price.objects.filter(pk=used.pk).update(valid_until=ends[0])
    Price.objects.create(model=model, valid_from=ends[0], valid_until=ends[1], input=Decimal(4))
    _submit(admin_client, model, _added(_page(admin_client, model), "5", ends[1]))
    assert [price.valid_from for price in _history()] == [None, *ends]
    # Prices that others follow at that moment already are still refused.
    data = _added(_page(admin_client, model), "6", ends[0].replace(microsecond=0))
    number = int(data["prices-TOTAL_FORMS"]) - 1
    errors = errors_of(_submit(admin_client, model, data | _until(number, ends[0] + timedelta(seconds=1))))
    assert list(errors) == [f"prices-{number}-valid_from"]


def test_prices_in_the_past_do_not_replace_deleted_ones(admin_client: Browser, model: Model, used: Price) -> None:
    earlier = timezone.now() - timedelta(days=2)
    data = _added(_page(admin_client, model), "4", earlier) | {"prices-0-DELETE": "on"}
    errors = errors_of(_submit(admin_client, model, data))
    assert list(errors) == ["prices-1-valid_from"]
    assert Price.objects.get().valid_until is None


def test_other_amounts_do_not_end_at_once(admin_client: Browser, model: Model, used: Price) -> None:
    moment = timezone.now() - timedelta(minutes=5)
    data = _page(admin_client, model) | {"prices-0-input": "4"} | _until(0, moment)
    assert list(errors_of(_submit(admin_client, model, data))) == ["prices-0-valid_until"]
    assert (Price.objects.get().input, Price.objects.get().valid_until) == (Decimal(3), None)


def test_prices_that_the_page_does_not_show_count_too(admin_client: Browser, model: Model, used: Price) -> None:
    opened = _page(admin_client, model)
    later = timezone.now() + timedelta(days=1)
    used.valid_until = later
    used.save()
    Price.objects.create(model=model, valid_from=later, input=Decimal(5))
    data = _added(opened | _until(0, later), "6", later + timedelta(days=1))
    assert list(errors_of(_submit(admin_client, model, data))) == ["prices-1-valid_from"]
    assert len(_history()) == 2
