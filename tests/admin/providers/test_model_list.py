"""The list of a provider's models: it stays small with a thousand of them, and its rows are changed in place."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import AuditEntry
from providers.models import Model, Provider
from providers.pricing.prices import Price
from tests.admin.pages import errors_of, errors_of_rows, form_of, links_of, staff, text_of
from tests.admin.providers.conftest import LIST, Save, list_of, rows_of

pytestmark = pytest.mark.django_db


def _now(name: str) -> tuple[Any, Any]:
    price = Price.objects.in_force(timezone.now()).filter(model__name=name).first()
    return (None, None) if price is None else (price.input, price.output)


def test_a_thousand_models_are_pages_of_forty_with_few_queries(admin_client: Client, thousand: Provider) -> None:
    for url in (list_of(thousand), list_of(thousand, "&p=20"), list_of(thousand, "&all="), LIST):
        with CaptureQueriesContext(connection) as queries:
            page: Any = admin_client.get(url)
        assert page.status_code == 200
        assert len(page.context["cl"].formset.forms) == 40
        assert len(queries) <= 20, [query["sql"][:120] for query in queries]
    change = f"/admin/providers/provider/{thousand.pk}/change/"
    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(change)
    assert len(queries) <= 20
    assert "Models (1,000)" in text_of(page)
    assert "m0001" not in text_of(page)
    assert admin_client.post(change, form_of(page)).status_code == 302


def test_a_page_of_forty_is_saved_with_few_queries(admin_client: Client, thousand: Provider) -> None:
    data = rows_of(admin_client.get(list_of(thousand, "&p=2")))
    assert len(data) < 500
    with CaptureQueriesContext(connection) as queries:
        assert admin_client.post(list_of(thousand, "&p=2"), data).status_code == 302
    assert len(queries) <= 20, [query["sql"][:120] for query in queries]
    assert not AuditEntry.objects.filter(action="changed").exists()


def test_price_and_switch_are_changed_in_the_row(save: Save, many: Provider) -> None:
    last = AuditEntry.objects.latest("pk").pk
    answer = save(list_of(many), price_in_0="2.5", price_out_1="", enabled_2=False)
    assert answer.status_code == 302
    assert (_now("m0000"), _now("m0001"), _now("m0002")) == ((Decimal("2.5"), 2), (1, None), (1, 2))
    assert list(Model.objects.filter(enabled=False).values_list("name", flat=True)) == ["m0002"]
    # What requests were charged at is still there.
    assert Price.objects.filter(model__name="m0000", valid_until__isnull=False).get().input == 1
    entries = AuditEntry.objects.filter(pk__gt=last).order_by("pk")
    assert [(entry.action, entry.object_type, entry.object_name[:17]) for entry in entries] == [
        ("changed", "providers.price", "openrouter: m0000"),
        ("created", "providers.price", "openrouter: m0000"),
        ("changed", "providers.price", "openrouter: m0001"),
        ("created", "providers.price", "openrouter: m0001"),
        ("changed", "providers.model", "openrouter: m0002"),
    ]


def test_the_first_price_has_no_beginning_and_later_ones_stay(
    save: Save, provider: Provider, admin_client: Client
) -> None:
    Model.objects.create(provider=provider, name="a")
    soon = timezone.now() + timedelta(days=3)
    later = Price.objects.create(model=Model.objects.create(provider=provider, name="b"), valid_from=soon, input=9)
    assert f"{soon:%Y-%m-%d %H:%M}" in text_of(admin_client.get(list_of(provider)))
    save(list_of(provider), price_in_0="1", price_in_1="2")
    first = Price.objects.get(model__name="a")
    assert (first.valid_from, first.input) == (None, 1)
    assert _now("b")[0] == 2
    assert Price.objects.get(model__name="b", input=2).valid_until == soon
    assert Price.objects.filter(pk=later.pk, valid_from=soon, input=9).exists()


def test_emptying_all_prices_ends_them(save: Save, many: Provider) -> None:
    save(list_of(many), price_in_0="", price_out_0="")
    assert _now("m0000") == (None, None)
    assert Price.objects.filter(model__name="m0000").count() == 1


def test_a_mistake_stands_in_its_row_and_saves_nothing(save: Save, many: Provider) -> None:
    answer = save(list_of(many), price_in_0="dear", price_in_1="-1", price_out_2="7", enabled_3=False)
    assert answer.status_code == 200
    assert sorted(errors_of_rows(answer)) == ["form-0-price_in", "form-1-price_in"]
    assert 'value="dear"' in answer.content.decode()
    assert 'value="7"' in answer.content.decode()
    assert _now("m0002") == (1, 2)
    assert not Model.objects.filter(enabled=False).exists()


def test_what_somebody_else_changed_meanwhile_stays(admin_client: Client, many: Provider) -> None:
    data = rows_of(admin_client.get(list_of(many)))
    Model.objects.filter(name="m0000").update(enabled=False)
    Price.objects.get(model__name="m0001").delete()
    Price.objects.create(model=Model.objects.get(name="m0001"), valid_from=timezone.now(), input=Decimal(5))
    admin_client.post(list_of(many), {**data, "form-2-price_in": "3"})
    assert not Model.objects.get(name="m0000").enabled
    assert _now("m0001")[0] == 5
    assert _now("m0002")[0] == 3


def test_rows_are_found_sorted_and_lead_to_their_own_pages(admin_client: Client, many: Provider) -> None:
    page: Any = admin_client.get(list_of(many, "&q=m005"))
    assert [form.instance.name for form in page.context["cl"].formset.forms] == [f"m005{n}" for n in range(10)]
    model = Model.objects.get(name="m0050")
    own = links_of(page)["m0050"]
    assert own.startswith(f"/admin/providers/model/{model.pk}/change/")
    assert admin_client.post(own, form_of(admin_client.get(own)))["Location"].startswith(list_of(many))


def test_a_model_that_is_added_from_the_list_is_its_providers(admin_client: Client, provider: Provider) -> None:
    Provider.objects.create(name="another", dialect="openai_chat", base_url="https://example.org/v1")
    page = admin_client.get(list_of(provider))
    add = next(url for url in links_of(page).values() if url.startswith(f"{LIST}add/"))
    data = form_of(admin_client.get(add))
    assert data["provider"] == str(provider.pk)
    answer = admin_client.post(add, {**data, "name": "new", "capabilities": [], "priced_for": []})
    assert answer.status_code == 302, errors_of(answer)
    assert Model.objects.get().provider == provider


def test_the_tabs_lead_from_the_provider_to_its_models_and_back(admin_client: Client, provider: Provider) -> None:
    change = f"/admin/providers/provider/{provider.pk}/change/"
    assert links_of(admin_client.get(change))["Models (0)"] == list_of(provider)
    page = admin_client.get(list_of(provider))
    assert "Models of openrouter" in text_of(page)
    assert links_of(page)["Credentials"] == f"{change}#credentials"
    assert f"{change}#credentials" not in links_of(admin_client.get(LIST)).values()
    assert admin_client.get(f"{LIST}?provider__id__exact=99999999999999999999").status_code in {200, 302}


def test_each_row_offers_what_its_reader_may_change(many: Provider) -> None:
    view = ["providers.view_model", "providers.view_provider"]
    reader: Any = staff(*view).get(list_of(many))
    assert reader.context["cl"].formset is None
    assert "$1.00" in text_of(reader)
    changer = staff(*view, "providers.change_model")
    page: Any = changer.get(list_of(many))
    assert set(page.context["cl"].formset.forms[0].fields) == {"enabled", "id"}
    changer.post(list_of(many), {**rows_of(page), "form-0-price_in": "9"})
    assert _now("m0000") == (1, 2)
    assert staff(*view).post(list_of(many), {"_save": "Save"}).status_code in {200, 403}
    pricer = staff(*view, "providers.change_model", "providers.add_price", "providers.change_price")
    page = pricer.get(list_of(many))
    pricer.post(list_of(many), {**rows_of(page), "form-0-price_in": "9"})
    assert _now("m0000")[0] == 9
