"""Prices have spans of time: a moment has one, a change takes effect by itself, and mistakes stand at the field."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from providers.models import Model, Provider
from providers.pricing.prices import Price, schedules
from tests.admin.pages import errors_of, form_of
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.cost import NO_PRICES, Prices, cost, in_force

FEB_2099 = datetime(2099, 2, 1, tzinfo=UTC)
JAN, FEB, MAR = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture
def model(db: None) -> Model:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    return Model.objects.create(provider=provider, name="m")


def _price(model: Model, start: datetime | None, end: datetime | None, **amounts: Any) -> Price:
    price = Price(model=model, valid_from=start, valid_until=end, **amounts)
    price.full_clean()
    price.save()
    return price


# --- which price holds when ------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_moment_has_the_price_whose_span_holds_it(model: Model) -> None:
    first = _price(model, None, JAN, input=Decimal(1))
    second = _price(model, JAN, FEB, input=Decimal(2))
    third = _price(model, MAR, None, input=Decimal(3))
    instant = timedelta(microseconds=1)
    expected = {
        JAN - instant: first.pk,
        JAN: second.pk,
        FEB - instant: second.pk,
        FEB: None,
        MAR - instant: None,
        MAR: third.pk,
    }
    (prices,) = schedules().values()
    assert {moment: in_force(prices, moment.timestamp()).id for moment in expected} == expected
    for moment, identity in expected.items():
        assert [price.pk for price in Price.objects.in_force(moment)] == ([] if identity is None else [identity])
    assert in_force((), JAN.timestamp()) is NO_PRICES


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        (None, JAN, True),
        (FEB, None, True),
        (FEB, MAR, True),
        (None, None, False),
        (JAN, FEB, False),
        (JAN + timedelta(seconds=1), FEB - timedelta(seconds=1), False),
        (None, JAN + timedelta(microseconds=1), False),
        (FEB - timedelta(microseconds=1), None, False),
    ],
)
def test_spans_do_not_overlap(model: Model, start: datetime | None, end: datetime | None, fits: bool) -> None:
    _price(model, JAN, FEB)
    other = Model.objects.create(provider=model.provider, name="other")
    _price(other, start, end)
    price = Price(model=model, valid_from=start, valid_until=end)
    if fits:
        price.full_clean()
        return
    with pytest.raises(ValidationError) as caught:
        price.full_clean()
    assert list(caught.value.message_dict) == ["valid_from"]
    assert "from 2026-01-01 00:00 until 2026-02-01 00:00" in caught.value.message_dict["valid_from"][0]


@pytest.mark.both_databases
def test_a_span_has_some_length(model: Model) -> None:
    with pytest.raises(ValidationError) as caught:
        Price(model=model, valid_from=FEB, valid_until=FEB).full_clean()
    assert list(caught.value.message_dict) == ["valid_until"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(model=model, valid_from=FEB, valid_until=JAN)


@pytest.mark.both_databases
def test_prices_are_whole_pico_dollars_a_token(model: Model) -> None:
    exact = _price(model, None, None, input=Decimal("0.000001"), output=Decimal("123456.654321"))
    ((prices,),) = schedules().values()
    assert (prices.input, prices.output, prices.id) == (1, 123_456_654_321, exact.pk)
    with pytest.raises(ValueError, match="6 decimals"):
        Price.objects.create(model=model, valid_from=JAN, input=Decimal("0.0000001"))


# --- in the admin ----------------------------------------------------------------------------------------------------


def _row(data: dict[str, Any], number: int, **fields: Any) -> dict[str, Any]:
    rows = {f"prices-{number}-{name}": value for name, value in fields.items()}
    total = max(int(data["prices-TOTAL_FORMS"]), number + 1)
    return {**data, **rows, "prices-TOTAL_FORMS": total}


def _span(start: str, end: str) -> dict[str, str]:
    halves = (("valid_from", start), ("valid_until", end))
    return {
        f"{name}_{n}": part for name, text in halves for n, part in enumerate((text, "00:00:00") if text else ("", ""))
    }


def test_a_price_is_ended_and_the_next_begun_on_one_page(admin_client: Browser, model: Model) -> None:
    _price(model, None, None, input=Decimal(3), output=Decimal("0.25"))
    url = reverse("admin:providers_model_change", args=[model.pk])
    page = admin_client.get(url)
    body = page.content.decode()
    assert 'value="3"' in body
    assert 'value="0.25"' in body
    data = form_of(page)
    overlapping = _row(data, 1, input="4", **_span("2099-02-01", ""))
    errors = errors_of(admin_client.post(url, overlapping))
    assert list(errors) == ["prices-1-valid_from"]
    assert "end the earlier prices" in errors["prices-1-valid_from"][0]
    backwards = _row(data, 0, **_span("2099-02-01", "2099-01-01"))
    assert list(errors_of(admin_client.post(url, backwards))) == ["prices-0-valid_until"]
    too_fine = _row(data, 0, input="0.0000001")
    assert list(errors_of(admin_client.post(url, too_fine))) == ["prices-0-input"]
    assert Price.objects.count() == 1

    good = _row(_row(data, 0, **_span("", "2099-02-01")), 1, input="4", **_span("2099-02-01", ""))
    assert admin_client.post(url, good).status_code == 302
    new, old = Price.objects.all()
    assert (old.valid_from, old.valid_until, old.input, old.output) == (None, FEB_2099, Decimal(3), Decimal("0.25"))
    assert (new.valid_from, new.valid_until, new.input, new.cache_read) == (FEB_2099, None, Decimal(4), None)
    listing = admin_client.get(reverse("admin:providers_model_changelist")).content.decode()
    assert re.findall(r'name="initial-form-0-price_in"[^>]* value="([\d.]+)"', listing) == ["3"]


# --- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "counts", "expected"),
    [
        (Prices(input=2, cache_write=5, cache_write_1h=7), {"cache_write": 10, "cache_write_1h": 4}, 6 * 5 + 4 * 7),
        (Prices(input=2, cache_write=5), {"cache_write": 10, "cache_write_1h": 4}, 10 * 5),
        (Prices(input=2), {"cache_write": 10, "cache_write_1h": 4}, 10 * 2),
        (Prices(input=2, cache_write=5, cache_write_1h=7), {"cache_write": 3, "cache_write_1h": 4}, 3 * 7),
        (Prices(cache_write_1h=7), {"cache_write": 4, "cache_write_1h": 4}, 4 * 7),
        (Prices(cache_write_1h=7), {"cache_write": 5, "cache_write_1h": 4}, None),
        (Prices(per_request=11), {}, 11),
        (Prices(per_request=11, per_web_search=13), {"web_searches": 3}, 11 + 39),
        (Prices(), {"web_searches": 1}, None),
        (Prices(), {"web_searches": 0}, 0),
    ],
)
def test_every_kind_is_charged_once(prices: Prices, counts: dict[str, int], expected: int | None) -> None:
    assert cost(prices, input=0, output=0, **counts) == expected


@pytest.mark.both_databases
def test_what_claude_reports_is_charged_by_its_kinds(
    orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    amounts = {
        "input": Decimal(3),
        "output": Decimal(15),
        "cache_write_5m": Decimal("3.75"),
        "cache_write_1h": Decimal(6),
    }
    per_use = {"per_request": Decimal("0.000007"), "per_web_search": Decimal("0.01")}
    model = make_model(make_provider("anthropic", f"{upstream.base_url}/kinds"), {**amounts, **per_use})
    route = make_route([model])
    gateway.wait_snapshot()
    usage = {
        "output_tokens": 7,
        "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    }
    end = speak.claude_event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage)
    parts = [speak.claude_start(cache_read=0), speak.claude_text(0, "x"), end, speak.claude_event("message_stop")]
    script = upstream.script(Reply([b"".join(parts)], headers={"content-type": "text/event-stream"}))
    row = orm.request(client.post(message(route.name, script.prompt)).request_id)
    (attempt,) = orm.attempts(row)
    tokens = (20 * 3 + 3 * Decimal("3.75") + 2 * 6 + 7 * 15) / 1_000_000
    for record in (row, attempt):
        assert (record.cache_write_tokens, record.cache_write_1h_tokens, record.web_searches) == (5, 2, 2)
        assert record.cost == tokens + Decimal("0.000007") + 2 * Decimal("0.01")
        assert record.price_id == Price.objects.get(model=model).pk
        assert (record.repriced_cost, record.estimated) == (None, False)


def test_a_price_begins_by_itself(orm: Rows, gateway: Gateway, client: Client, upstream: Upstream) -> None:
    script = upstream.script(speak.chat_answer())
    # A turn that is far enough for a request before it: further, on a machine that is slow to answer.
    for seconds in (1.5, 6, 24):
        model = make_model(make_provider("openai_chat", f"{upstream.base_url}/turn/v1"), {})
        route = make_route([model])
        turn = timezone.now() + timedelta(seconds=seconds)
        old = _price(model, None, turn, input=Decimal(1), output=Decimal(1))
        new = _price(model, turn, None, input=Decimal(2), output=Decimal(2))
        gateway.wait_snapshot()
        revisions = gateway.readiness()[1]["revisions"]
        before = orm.request(client.post(message(route.name, script.prompt)).request_id)
        if timezone.now() < turn:
            break
    until(lambda: timezone.now() > turn)
    after = orm.request(client.post(message(route.name, script.prompt)).request_id)
    assert gateway.readiness()[1]["revisions"] == revisions
    assert (before.price_id, after.price_id) == (old.pk, new.pk)
    assert before.cost is not None
    assert after.cost == 2 * before.cost
