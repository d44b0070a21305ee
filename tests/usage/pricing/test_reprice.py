"""reprice_usage: a second column, exact to the last digit, after a dry run; the cost itself never changes."""

from __future__ import annotations

import io
import json
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from access.models import AuditEntry
from providers.models import Model, Provider
from providers.pricing.prices import Price
from tests.admin.history import at, attempt_row, request_row
from usage import repricing
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = at("2026-03-10 12:00")


@pytest.fixture
def model() -> Model:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    return Model.objects.create(provider=provider, name="m")


def _run(*arguments: str, days: tuple[str, str] = ("2026-03-01", "2026-03-31")) -> list[str]:
    out = io.StringIO()
    call_command("reprice_usage", "--from", days[0], "--to", days[1], *arguments, stdout=out)
    return out.getvalue().splitlines()


def _answered(model: Model, moment: datetime = NOON, *, cost: int | None = 1_000_000, **tokens: Any) -> UUID:
    """A request that one attempt answered."""
    fields: dict[str, Any] = {
        "started_at": moment,
        "provider_name": model.provider.name,
        "model_id": model.pk,
        "model_name": model.name,
        "cost": cost,
    } | {"input_tokens": 10, "output_tokens": 1, **tokens}
    request = request_row(attempts=1, **fields)
    attempt_row(request, **fields)
    return request


def _kept() -> list[Any]:
    """Everything of the rows but the one column."""
    return [
        {name: value for name, value in row.items() if name != "repriced_cost"}
        for rows in (RequestLog, AttemptLog)
        for row in rows.objects.order_by("id").values()
    ]


def test_a_dry_run_tells_and_writes_nothing(model: Model) -> None:
    Price.objects.create(model=model, input=Decimal(2), output=Decimal(30))
    _answered(model)
    _answered(model, model_id=None, model_name="gone")
    lines = _run()
    assert lines[0] == "p: gone  1 requests  0.000001 -> 0 USD  (-0.000001)  1 without a price"
    assert lines[1] == "p: m  1 requests  0.000001 -> 0.00005 USD  (+0.000049)"
    assert lines[2].startswith("all  2 requests  0.000002 -> 0.00005 USD  (+0.000048)")
    assert "--apply" in lines[3]
    assert not RequestLog.objects.filter(repriced_cost__isnull=False).exists()
    assert not AttemptLog.objects.filter(repriced_cost__isnull=False).exists()


def test_apply_fills_the_second_column_of_both_tables_and_nothing_else(model: Model) -> None:
    Price.objects.create(
        model=model,
        input=Decimal(2),
        output=Decimal(30),
        cache_write_5m=Decimal(5),
        cache_write_1h=Decimal(7),
        per_request=Decimal("0.5"),
        per_web_search=Decimal("0.25"),
    )
    request = _answered(model, cache_write_tokens=10, cache_write_1h_tokens=4, web_searches=2)
    unknown = _answered(model, input_tokens=None)
    before = _kept()
    assert "--apply" not in _run("--apply")[-1]
    expected = (10 * 2 + 1 * 30 + 6 * 5 + 4 * 7) * Decimal("0.000001") + Decimal("0.5") + 2 * Decimal("0.25")
    for row in (RequestLog.objects.get(id=request), AttemptLog.objects.get(request_log_id=request)):
        assert row.repriced_cost == expected
    assert RequestLog.objects.get(id=unknown).repriced_cost is None
    assert _kept() == before


def test_a_request_is_the_sum_of_its_attempts_each_at_its_models_prices(model: Model) -> None:
    other = Model.objects.create(provider=model.provider, name="other")
    Price.objects.create(model=model, input=Decimal(1), output=Decimal(1))
    Price.objects.create(model=other, input=Decimal(100), output=Decimal(100))
    tokens = {"input_tokens": 10, "output_tokens": 1}
    request = request_row(started_at=NOON, model_id=model.pk, model_name="m", provider_name="p", attempts=3, **tokens)
    attempt_row(request, 1, model_id=other.pk, outcome="failed", **tokens)
    attempt_row(request, 2, model_id=other.pk, outcome="failed")
    attempt_row(request, 3, model_id=model.pk, **tokens)
    _run("--apply")
    assert RequestLog.objects.get(id=request).repriced_cost == Decimal("0.001111")
    attempts = AttemptLog.objects.order_by("number").values_list("repriced_cost", flat=True)
    assert list(attempts) == [Decimal("0.0011"), None, Decimal("0.000011")]


def test_the_prices_are_those_of_now_of_a_day_or_of_each_request(model: Model) -> None:
    turn = at("2026-03-10 00:00")
    Price.objects.create(model=model, valid_until=turn, input=Decimal(1), output=Decimal(0))
    Price.objects.create(model=model, valid_from=turn, input=Decimal(2), output=Decimal(0))
    old, new = _answered(model, turn - timedelta(seconds=1)), _answered(model, turn)

    def repriced(*arguments: str) -> list[Any]:
        _run("--apply", *arguments)
        return [RequestLog.objects.get(id=request).repriced_cost for request in (old, new)]

    one, two = Decimal("0.00001"), Decimal("0.00002")
    assert repriced() == [two, two]
    assert repriced("--as-of", "2026-03-09") == [one, one]
    assert repriced("--as-of", "2026-03-10T00:00:00+00:00") == [two, two]
    assert repriced("--as-of", "then") == [one, two]


def test_only_the_days_and_the_model_that_are_named(model: Model) -> None:
    other = Model.objects.create(provider=model.provider, name="other")
    for one in (model, other):
        Price.objects.create(model=one, input=Decimal(1), output=Decimal(1))
    early, first, last, late = (
        _answered(model, at(text))
        for text in ("2026-03-09 23:59", "2026-03-10 00:00", "2026-03-11 23:59", "2026-03-12")
    )
    elsewhere = _answered(other, NOON)
    _run("--apply", "--model", "m", days=("2026-03-10", "2026-03-11"))
    done = set(RequestLog.objects.filter(repriced_cost__isnull=False).values_list("id", flat=True))
    assert done == {first, last}
    assert not {early, late, elsewhere} & done


def test_sums_are_exact_to_the_last_digit_over_many_pages(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repricing, "PAGE", 7)
    pick = random.Random(3)
    Price.objects.create(model=model, input=Decimal("0.123457"), output=Decimal("75.000001"))
    pico = repriced = 0
    for n in range(60):
        tokens = {"input_tokens": pick.randrange(10**7), "output_tokens": pick.randrange(10**6)}
        cost = pick.randrange(10**15)
        # Several share a moment, so that a page ends between them.
        _answered(model, NOON + timedelta(seconds=n // 9), cost=cost, **tokens)
        pico += cost
        repriced += tokens["input_tokens"] * 123_457 + tokens["output_tokens"] * 75_000_001
    line = _run("--apply")[0]
    assert f"60 requests  {to_dollars(pico).normalize():f} -> {to_dollars(repriced).normalize():f} USD" in line
    sums = RequestLog.objects.aggregate(cost=Sum("cost"), repriced=Sum("repriced_cost"))
    assert sums == {"cost": to_dollars(pico), "repriced": to_dollars(repriced)}
    assert AttemptLog.objects.aggregate(repriced=Sum("repriced_cost"))["repriced"] == to_dollars(repriced)


def test_one_that_is_interrupted_says_in_the_audit_what_it_did(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    Price.objects.create(model=model, input=Decimal(1), output=Decimal(1))
    rows = [_answered(model, NOON + timedelta(seconds=n)) for n in range(3)]
    read = repricing._attempts

    def interrupted(requests: list[UUID]) -> Any:
        if rows[2] in requests:
            raise KeyboardInterrupt
        return read(requests)

    monkeypatch.setattr(repricing, "PAGE", 1)
    monkeypatch.setattr(repricing, "_attempts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _run()
    assert not AuditEntry.objects.filter(action="usage repriced").exists()
    with pytest.raises(KeyboardInterrupt):
        _run("--apply", "--model", "m")
    assert RequestLog.objects.filter(repriced_cost__isnull=False).count() == 2
    days = {"first": "2026-03-01", "last": "2026-03-31", "prices of": "now"}
    changes = json.loads(AuditEntry.objects.get(action="usage repriced").changes)
    assert changes == {**days, "requests": 2, "model": "m"}


@pytest.mark.parametrize("arguments", [("--as-of", "yesterday"), ("--as-of", "2026-02-30")])
def test_what_is_no_moment_is_refused(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="not a day"):
        _run(*arguments)


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(CommandError, match="before"):
        _run(days=("2026-03-02", "2026-03-01"))
