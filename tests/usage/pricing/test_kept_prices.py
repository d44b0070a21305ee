"""Prices that requests may have been charged at stay as they are, whichever way somebody changes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management.sql import emit_post_migrate_signal
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from providers.models import Model, Provider
from providers.pricing.prices import Price, schedules
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import errors_of, form_of, text_of
from tests.configuration.commands import run_import

JAN = datetime(2026, 1, 1, tzinfo=UTC)
both = pytest.mark.both_databases


@pytest.fixture
def model(db: None) -> Model:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    return Model.objects.create(provider=provider, name="m")


@pytest.fixture
def used(model: Model) -> Price:
    """The only prices of the model, in force since ever."""
    return Price.objects.create(model=model, input=Decimal(3), output=Decimal(15))


def ended(used: Price) -> Price:
    """The prices before, once they have ended, with the figures that they had; what follows begins then."""
    stored = Price.objects.get(pk=used.pk)
    assert (stored.valid_from, stored.input, stored.output) == (None, Decimal(3), Decimal(15))
    assert stored.valid_until is not None
    assert timezone.now() - timedelta(minutes=1) < stored.valid_until <= timezone.now()
    return stored


def future(model: Model, **amounts: Any) -> Price:
    return Price.objects.create(model=model, valid_from=timezone.now() + timedelta(days=1), **amounts)


# --- the model -------------------------------------------------------------------------------------------------------


@both
def test_other_amounts_end_prices_and_begin_others(model: Model, used: Price) -> None:
    price = Price.objects.get(pk=used.pk)
    price.input = Decimal(4)
    price.save()
    before = ended(used)
    assert (price.pk != used.pk, price.ended, price.valid_from) == (True, used.pk, before.valid_until)
    new = Price.objects.get(pk=price.pk)
    assert (new.input, new.output, new.valid_until) == (Decimal(4), Decimal(15), None)
    assert [prices.id for prices in schedules()[model.pk]] == [new.pk, used.pk]


@both
def test_the_same_amounts_and_another_end_are_the_same_prices(used: Price) -> None:
    used.valid_until = timezone.now() + timedelta(days=3)
    used.full_clean()
    used.save()
    assert Price.objects.get().pk == used.pk
    assert Price.objects.get().valid_until == used.valid_until


@both
def test_deleting_ends_what_has_begun_and_deletes_what_has_not(model: Model, used: Price) -> None:
    later = future(model, input=Decimal(9))
    later.delete()
    used.delete()
    assert [price.pk for price in Price.objects.all()] == [ended(used).pk]
    moment = ended(used).valid_until
    Price.objects.all().delete()
    Price.objects.get(pk=used.pk).delete()
    assert Price.objects.get().valid_until == moment


@both
def test_deleting_a_model_leaves_its_prices_to_the_rows_that_name_them(model: Model, used: Price) -> None:
    future(model, input=Decimal(9))
    Provider.objects.all().delete()
    assert not Model.objects.exists()
    price = Price.objects.get()
    assert (price.pk, price.model_id, price.input) == (used.pk, None, Decimal(3))
    assert schedules() == {}


@both
@pytest.mark.parametrize("change", [{"input": 1}, {"output": None}, {"per_request": 1}, {"valid_from": "later"}])
def test_the_database_refuses_what_passes_the_model(used: Price, change: dict[str, Any]) -> None:
    if "valid_from" in change:
        change = {"valid_from": timezone.now() + timedelta(days=1)}
    with pytest.raises(IntegrityError, match="end them and add others"), transaction.atomic():
        Price.objects.filter(pk=used.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE providers_price SET input = input + 1")
    assert Price.objects.get().input == Decimal(3)


@both
def test_the_database_refuses_to_prolong_what_has_ended(used: Price) -> None:
    used.delete()
    with pytest.raises(IntegrityError, match="end them and add others"), transaction.atomic():
        Price.objects.filter(pk=used.pk).update(valid_until=None)
    ended(used)


@both
def test_migrate_replaces_the_trigger_of_another_version(used: Price) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER price_kept")
            cursor.execute("CREATE TRIGGER price_kept BEFORE UPDATE ON providers_price WHEN 0 BEGIN SELECT 1; END")
        else:
            cursor.execute(
                "CREATE OR REPLACE TRIGGER price_kept BEFORE UPDATE ON providers_price FOR EACH ROW WHEN (false) "
                "EXECUTE FUNCTION price_kept()"
            )
    assert Price.objects.update(input=Decimal(4)) == 1
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.update(input=Decimal(5))


@both
def test_future_prices_are_edited_as_one_likes(model: Model) -> None:
    price = future(model, input=Decimal(1))
    price.input = Decimal(2)
    price.save()
    Price.objects.filter(pk=price.pk).update(output=Decimal(7), valid_from=timezone.now() + timedelta(days=2))
    stored = Price.objects.get()
    assert (stored.pk, stored.input, stored.output) == (price.pk, Decimal(2), Decimal(7))


@both
def test_prices_that_have_ended_are_history(used: Price) -> None:
    used.delete()
    for change in ({"input": Decimal(4)}, {"valid_until": None}, {"valid_from": JAN}):
        price = Price.objects.get(pk=used.pk)
        for field, value in change.items():
            setattr(price, field, value)
        with pytest.raises(ValidationError) as raised:
            price.full_clean()
        assert list(raised.value.message_dict) == list(change)
    price = Price.objects.get(pk=used.pk)
    price.input = Decimal(4)
    with pytest.raises(ValidationError):
        price.save()
    ended(used)


# --- the admin -------------------------------------------------------------------------------------------------------


def submitted(browser: Browser, model: Model, **changes: Any) -> Any:
    page = reverse("admin:providers_model_change", args=[model.pk])
    return browser.post(page, form_of(browser.get(page)) | changes, follow=True)


def test_the_page_of_a_model_ends_the_prices_that_are_changed_and_says_so(
    admin_client: Browser, model: Model, used: Price
) -> None:
    response = submitted(admin_client, model, **{"prices-0-input": "4"})
    assert "The prices that you changed end now; the new ones begin now." in text_of(response)
    before = ended(used)
    assert Price.objects.get(valid_from=before.valid_until).input == Decimal(4)


def test_the_page_of_a_model_ends_the_prices_that_are_deleted(admin_client: Browser, model: Model, used: Price) -> None:
    response = submitted(admin_client, model, **{"prices-0-DELETE": "on"})
    assert "were ended and not deleted" in text_of(response)
    ended(used)


def test_a_row_leads_to_the_figures_that_its_cost_was_computed_from(
    admin_client: Browser, model: Model, used: Price
) -> None:
    attempt = attempt_row(request_row(price_id=used.pk), price_id=used.pk)
    submitted(admin_client, model, **{"prices-0-input": "4"})
    page = text_of(admin_client.get(reverse("admin:usage_attemptlog_change", args=[attempt])))
    assert "Charged at input $3 · output $15 · until 20" in page
    model.delete()
    assert "input $3 · output $15" in text_of(
        admin_client.get(reverse("admin:usage_attemptlog_change", args=[attempt]))
    )


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("valid_from", {"prices-0-valid_from_0": "2099-01-01", "prices-0-valid_from_1": "00:00"}),
        ("valid_until", {"prices-0-valid_until_0": "2026-01-01", "prices-0-valid_until_1": "00:00"}),
    ],
)
def test_what_would_change_the_past_is_an_error_beside_the_field(
    admin_client: Browser, model: Model, used: Price, field: str, change: dict[str, str]
) -> None:
    errors = errors_of(submitted(admin_client, model, **change))
    assert list(errors) == [f"prices-0-{field}"]
    assert Price.objects.get().input == Decimal(3)


# --- imports ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[str], str]:
    def run(prices: str) -> str:
        file = tmp_path / "file.yaml"
        file.write_text(f"version: 1\nproviders: [{{name: p, models: [{{name: m, prices: [{prices}]}}]}}]")
        return run_import(file, "--write")

    return run


@both
def test_an_import_ends_and_begins_and_is_the_same_the_second_time(imported: Callable[[str], str], used: Price) -> None:
    assert "input: 3.000000000000 → 4" in imported("{input: 4, output: 15}")
    before = ended(used)
    after = Price.objects.get(valid_from=before.valid_until)
    assert (before.source, after.source, after.input) == ("hand", "file", Decimal(4))
    assert "0 created, 0 changed, 0 removed" in imported("{input: 4, output: 15}")
    assert Price.objects.count() == 2


def test_an_import_that_leaves_prices_out_ends_them(imported: Callable[[str], str], used: Price) -> None:
    assert "- price p: m, prices without dates" in imported("")
    ended(used)
    assert "0 created, 0 changed, 0 removed" in imported("")
    imported("{input: 5}")
    assert Price.objects.exclude(pk=used.pk).get().valid_from is not None


def test_an_import_says_that_a_past_stays(imported: Callable[[str], str], used: Price) -> None:
    output = imported(
        "{input: 1, valid_until: '2026-01-01T00:00:00Z'}, {valid_from: '2026-01-01T00:00:00Z', input: 3, output: 15}"
    )
    assert "providers[0].models[0].prices[0]: These prices are over." in output
    assert Price.objects.get().pk == used.pk


@both
def test_a_new_model_gets_its_past_prices_too(imported: Callable[[str], str], model: Model) -> None:
    imported("{input: 1, valid_until: '2026-01-01T00:00:00Z'}, {valid_from: '2026-01-01T00:00:00Z', input: 3}")
    assert sorted(price.input for price in Price.objects.all()) == [Decimal(1), Decimal(3)]
