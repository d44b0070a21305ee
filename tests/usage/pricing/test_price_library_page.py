"""The page of the price library: what would change, what is applied, and that nothing else is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot

from access.models import AuditEntry
from providers.models import Model, Provider
from providers.pricing.differences import apply
from providers.pricing.prices import Price
from tests.admin.pages import staff, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.usefixtures("library")]


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="ours", dialect="openai_chat", base_url="https://api.maker.example/v1")


@pytest.fixture
def models(provider: Provider) -> dict[str, Model]:
    """A typed price that differs, a model without one, one whose price came from the library and is in it no more."""
    found = {name: Model.objects.create(provider=provider, name=name) for name in ("plain", "dated", "lost", "tiered")}
    Price.objects.create(model=found["plain"], input=Decimal(3), output=Decimal(12), per_request=Decimal("0.5"))
    Price.objects.create(model=found["lost"], input=Decimal(1), source=Price.Source.LIBRARY)
    return found


def _page(browser: Client, show: str = "") -> Any:
    page = browser.get(reverse("console:prices-library"), {"show": show} if show else {})
    assert page.status_code == 200
    return page


def _send(browser: Client, **data: Any) -> Any:
    return browser.post(reverse("console:prices-library"), data, follow=True)


def _rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Price.objects.order_by("id").values()]


def test_it_shows_what_would_change_what_is_new_and_what_is_gone(
    admin_client: Client, models: dict[str, Model]
) -> None:
    rows = _rows()
    changed = _page(admin_client)
    assert {choice.label: choice.count for choice in changed.context["choices"]} == {
        "Would change": 1, "New": 1, "Gone": 1, "Not one figure": 1, "Not in the library": 1,
    }  # fmt: skip
    (line,) = changed.context["lines"]
    assert line.model == models["plain"]
    assert ("output", "$12.00", "$15.00") in line.kinds
    assert "input" not in [kind for kind, _, _ in line.kinds]
    assert "output $12.00 → $15.00" in text_of(changed)
    # What a person typed may be negotiated, so it is not ticked.
    assert (line.source, line.is_ticked) == ("typed by hand", False)
    (line,) = _page(admin_client, "new").context["lines"]
    assert (line.model, line.is_ticked) == (models["dated"], True)
    assert [line.model for line in _page(admin_client, "gone").context["lines"]] == [models["lost"]]
    assert "depends on the prompt's length" in text_of(_page(admin_client, "complex"))
    assert _rows() == rows


def test_a_ticked_line_is_applied_and_no_other(admin_client: Client, models: dict[str, Model]) -> None:
    before = Price.objects.get(model=models["plain"])
    (line,) = _page(admin_client).context["lines"]
    since = AuditEntry.objects.count()
    answer = _send(admin_client, key=[line.key])
    assert "hold for one model from now on" in text_of(answer)
    ended, new = Price.objects.filter(model=models["plain"]).order_by("id")
    assert (ended.pk, ended.amounts(), ended.source) == (before.pk, before.amounts(), "hand")
    assert ended.valid_until == new.valid_from is not None
    assert (new.output, new.per_request, new.source) == (Decimal(15), Decimal("0.005"), "library")
    assert not Price.objects.filter(model=models["dated"]).exists()
    entries = AuditEntry.objects.filter(number__gt=since).values_list("action", "object_type", "person_name")
    assert sorted(entries) == [
        ("changed", "providers.price", "admin"),
        ("created", "providers.price", "admin"),
    ]
    assert _page(admin_client, "changed").context["lines"] == []


def test_a_difference_that_is_another_by_now_is_not_applied(admin_client: Client, models: dict[str, Model]) -> None:
    (line,) = _page(admin_client).context["lines"]
    price = Price.objects.get(model=models["plain"])
    price.output = Decimal(14)
    price.save()
    rows = _rows()
    assert "One difference is another by now" in text_of(_send(admin_client, key=[line.key]))
    assert _rows() == rows


def test_only_the_models_of_ticked_lines_are_compared_again(admin_client: Client, models: dict[str, Model]) -> None:
    (line,) = _page(admin_client).context["lines"]
    found = apply(Model.objects.all(), {line.key, "no-key", f"{2**70}-0", ""})
    assert [change.model for change in found.changes] == [models["plain"]]
    assert [*found.not_applied, *found.unknown, *found.same, *found.gone] == []


def test_nothing_ticked_says_what_to_do(admin_client: Client, models: dict[str, Model]) -> None:
    rows = _rows()
    assert "Tick the models" in text_of(_send(admin_client))
    assert _rows() == rows


def test_all_lines_of_many_pages_are_applied_as_they_were_shown(admin_client: Client, provider: Provider) -> None:
    names = [f"model-{number}" for number in range(150)]
    listed = [
        types.ModelInfo(
            id=name,
            match=types.ClauseEquals(equals=name),
            prices=types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2)),
        )
        for name in names
    ]
    (maker,) = get_snapshot().providers
    maker.models.extend(listed)
    set_custom_snapshot(DataSnapshot(providers=[maker], from_auto_update=False))
    Model.objects.bulk_create(Model(provider=provider, name=name) for name in names[:-1])
    page = _page(admin_client, "new")
    assert len(page.context["lines"]) == 100
    digest = page.context["digest"]
    Model.objects.create(provider=provider, name=names[-1])
    assert "others by now, so nothing was applied" in text_of(_send(admin_client, all="new", digest=digest))
    assert not Price.objects.exists()
    with CaptureQueriesContext(connection) as queries:
        digest = _page(admin_client, "new").context["digest"]
    assert len(queries) <= 20
    assert "hold for 150 models" in text_of(_send(admin_client, all="new", digest=digest))
    assert set(Price.objects.values_list("input", "output", "source", "valid_from")) == {(1, 2, "library", None)}


def test_who_may_not_change_prices_sees_the_differences_and_applies_none(models: dict[str, Model]) -> None:
    reader = staff("providers.view_price", "providers.view_model")
    page = _page(reader)
    assert "Apply" not in page.content.decode().replace('class="sr-only">Apply', "")
    (line,) = page.context["lines"]
    rows = _rows()
    assert _send(reader, key=[line.key]).status_code == 403
    assert _rows() == rows
