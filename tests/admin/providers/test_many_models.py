"""What the list of models does with many at once: with those that are ticked, and with all that a filter finds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers.models import Model, Provider
from providers.pricing.prices import Price
from routing.models import Candidate, Route
from tests.admin.pages import staff, text_of
from tests.admin.providers.conftest import list_of

pytestmark = pytest.mark.django_db


def _run(browser: Client, url: str, action: str, *ticked: str, across: bool = False, **more: Any) -> Any:
    """Runs an action as the list does: with the ticked rows, or with all that the address finds."""
    ids = [Model.objects.get(name=name).pk for name in ticked]
    data = {"action": action, "_selected_action": ids, "select_across": int(across), "index": 0, **more}
    return browser.post(url, data)


def _answered(browser: Client, url: str, page: Any, **fields: Any) -> Any:
    """Sends the form of a page that asks, with what is hidden in it."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.content.decode())
    data: dict[str, Any] = {}
    for name, value in hidden:
        data.setdefault(name, []).append(value)
    assert len(hidden) < 100
    return browser.post(url, {**data, **fields})


def _now() -> set[tuple[Decimal | None, Decimal | None, Decimal | None]]:
    return set(Price.objects.in_force(timezone.now()).values_list("input", "output", "cache_read"))


def test_ticked_models_are_disabled_and_enabled(admin_client: Client, many: Provider) -> None:
    _run(admin_client, list_of(many), "disable_selected", "m0001", "m0002")
    assert set(Model.objects.filter(enabled=False).values_list("name", flat=True)) == {"m0001", "m0002"}
    page = admin_client.get(list_of(many, "&enabled__exact=0"))
    assert [form.instance.name for form in page.context["cl"].formset.forms] == ["m0001", "m0002"]
    answer = _run(admin_client, list_of(many), "enable_selected", "m0001", "m0003")
    assert "Enabled: one model." in text_of(admin_client.get(answer["Location"]))


def test_all_that_a_search_finds_get_prices_at_once(admin_client: Client, thousand: Provider) -> None:
    another = Provider.objects.create(name="another", dialect="openai_chat", base_url="https://example.org/v1")
    Model.objects.create(provider=another, name="m0999")
    url = list_of(thousand, "&q=m0")
    page = _run(admin_client, url, "set_price", "m0001", across=True)
    assert "Prices of 1000 models" in text_of(page)
    with CaptureQueriesContext(connection) as queries:
        answer = _answered(admin_client, url, page, input="3", cache_read="0.5")
    # The batches of SQLite, and not one query a model.
    assert len(queries) < 200
    assert "1000 models" in text_of(admin_client.get(answer["Location"]))
    assert _now() == {(Decimal(3), Decimal(2), Decimal("0.5"))}
    assert Price.objects.in_force(timezone.now()).count() == 1000
    assert not Price.objects.filter(model__provider=another).exists()


def test_prices_of_ticked_models_alone(admin_client: Client, many: Provider) -> None:
    page = _run(admin_client, list_of(many), "set_price", "m0001", "m0002")
    wrong = _answered(admin_client, list_of(many), page, input="dear", output="4")
    assert "Enter a number." in text_of(wrong)
    assert 'value="4"' in wrong.content.decode()
    empty = _answered(admin_client, list_of(many), page)
    assert "Enter a price" in text_of(empty)
    _answered(admin_client, list_of(many), wrong, input="7")
    changed = Price.objects.in_force(timezone.now()).filter(input=7)
    assert set(changed.values_list("model__name", flat=True)) == {"m0001", "m0002"}


def test_all_of_a_filter_are_deleted_after_a_question(admin_client: Client, many: Provider) -> None:
    kept = Model.objects.filter(name__lt="m0005")
    kept.update(enabled=False)
    Candidate.objects.create(route=Route.objects.create(name="r"), model=Model.objects.get(name="m0050"))
    url = list_of(many, "&enabled__exact=1")
    page = _run(admin_client, url, "delete_selected", "m0007", across=True)
    assert "Delete 55 models?" in text_of(page)
    assert "and 35 more" in text_of(page)
    assert Model.objects.count() == 60
    assert _answered(admin_client, url, page).status_code == 302
    assert set(Model.objects.all()) == set(kept)
    # Requests were charged at these prices.
    assert Price.objects.count() == 60


def test_who_may_change_models_alone_sets_no_prices(many: Provider) -> None:
    browser = staff("providers.view_model", "providers.change_model", "providers.change_price")
    actions = [name for name, _ in browser.get(list_of(many)).context["action_form"].fields["action"].choices]
    assert {"enable_selected", "disable_selected"} <= set(actions)
    assert not {"set_price", "delete_selected"} & set(actions)
    _run(browser, list_of(many), "set_price", "m0001", apply=1, input="9")
    _run(browser, list_of(many), "delete_selected", "m0001", post="yes")
    assert _now() == {(Decimal(1), Decimal(2), None)}
    assert Model.objects.count() == 60
