"""An invoice against attempts: their sums, and the cause of each difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.usage.added import attempts_of, record, store
from tests.usage.invoices.recorded import PROVIDER, attempted, compared, invoice_of
from usage.invoices.attempts import figures
from usage.invoices.models import Cause
from usage.models import AttemptLog
from usage.sample_data import making

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 31)
HEADER = "date,model,input_tokens,output_tokens,cost\n"


def _known(values: Iterable[Any]) -> Any:
    found = [value for value in values if value is not None]
    return sum(found) if found else None


class Sums(TestCase):
    """Our figures are a plain sum over rows."""

    @given(st.lists(st.integers(0, 2**32), min_size=1, max_size=12))
    @settings(max_examples=12, deadline=None)
    def test_figures_are_sums_of_rows(self, seeds: list[int]) -> None:
        """Any attempts of an evening and the next day, of several providers."""
        for seed in seeds:
            one = record(seed)
            chance = Random(seed)
            attempts = attempts_of(one)
            for each in attempts:
                each.reported_model = chance.choice(("", "reported", "reported-20260101"))
                each.error_code = chance.choice(("", "hedged"))
            store([one], attempts)
        expected: dict[Any, list[AttemptLog]] = defaultdict(list)
        for row in AttemptLog.objects.filter(provider_id=1):
            expected[row.started_at.astimezone(UTC).date(), row.reported_model or row.model_name].append(row)
        found = figures(1, date(2026, 3, 27), date(2026, 3, 30))
        assert found.keys() == expected.keys()
        for key, rows in expected.items():
            ours = found[key]
            assert ours.requests == len(rows)
            for name in ("input", "cache_read", "cache_write", "output"):
                assert getattr(ours, name) == _known(getattr(row, f"{name}_tokens") for row in rows)
            assert ours.cost == _known(row.cost for row in rows)
            of: dict[str, list[AttemptLog]] = {
                "estimated": [row for row in rows if row.estimated],
                "interrupted": [row for row in rows if row.outcome == "interrupted"],
                "hedged": [row for row in rows if row.error_code == "hedged"],
            }
            for name, some in of.items():
                assert getattr(ours, name) == len(some)
                assert getattr(ours, f"{name}_cost") == _known(row.cost for row in some)


def test_the_invoice_of_sample_usage_has_no_difference() -> None:
    since = datetime(2026, 10, 1, tzinfo=UTC)
    made = list(making.rows(400, since, since + timedelta(days=5), seed=3))
    attempts = [each for _, of_request in made for each in of_request]
    for each in attempts:
        each.provider_id = PROVIDER
    store([request for request, _ in made], attempts)
    lines = compared(invoice_of(AttemptLog.objects.all()))
    assert len(lines) > 5
    assert {line.finding.cause for line in lines} == {Cause.NONE}
    assert sum((line.invoice.cost or 0 for line in lines if line.invoice), Decimal(0)) > 0


def _line(figures: str, *, model: str = "opus") -> str:
    return f"{HEADER}{DAY},{model},{figures}\n"


CAUSES: dict[Cause, tuple[list[dict[str, Any]], str, str]] = {
    Cause.NONE: ([{}, {"outcome": "failed", "cost": None, "input_tokens": None}], _line("100,20,1"), ""),
    Cause.ROUNDING: ([{}], _line("100,10,1.004"), "Less than a cent"),
    Cause.UNPRICED: ([{}, {"cost": None}], _line("200,20,2"), "1 attempt without a price. Give the model a price"),
    Cause.ESTIMATED: (
        [{}, {"estimated": True, "outcome": "failed"}], _line("190,20,1.90"),
        "1 attempt with estimated tokens ($1.00 here). 10 fewer input tokens on the invoice.",
    ),
    Cause.INTERRUPTED: (
        [{}, {"estimated": True, "outcome": "interrupted", "input_tokens": None, "output_tokens": None}],
        _line("150,15,1.5"), "1 attempt whose worker died ($1.00 here)",
    ),
    Cause.HEDGED: (
        [{}, {"outcome": "failed", "error_code": "hedged", "estimated": True}], _line("100,10,1"),
        "1 attempt cancelled by hedging ($1.00 here)",
    ),
    Cause.PRICE: ([{}], _line("100,10,1.25"), "The tokens are equal: compare the model's price"),
    Cause.TRAFFIC: ([{}], _line("300,10,3"), "200 more input tokens on the invoice. Look for keys"),
    Cause.UNKNOWN_MODEL: ([{}], f"{_line('100,10,1')}{DAY},other,1,1,5\n", "If it has another name here"),
    Cause.ONLY_INVOICE: ([{}], f"{_line('100,10,1')}2026-10-30,opus,1,1,5\n", "used beside the gateway"),
    Cause.ONLY_OURS: ([{}, {"model_name": "other"}], _line("100,10,1"), "on another day or under another name"),
    Cause.UNEXPLAINED: ([{}, {}], _line("100,10,1"), "100 fewer input tokens on the invoice."),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_of_a_difference(cause: Cause) -> None:
    rows, invoice, sentence = CAUSES[cause]
    for row in rows:
        attempted(f"{DAY}T12:00:00", **row)
    found = [line.finding for line in compared(invoice)]
    causes = {finding.cause for finding in found}
    assert causes - {Cause.NONE} == {cause} - {Cause.NONE}
    assert any(sentence in finding.explanation for finding in found)


def test_every_cause_is_tested() -> None:
    assert set(CAUSES) == set(Cause)


def test_a_difference_is_the_invoice_minus_ours() -> None:
    attempted(f"{DAY}T00:00:00")
    attempted(f"{DAY}T23:59:59.999", reported_model="Opus-20261001")
    attempted("2026-11-01T00:00:00")
    (line,) = compared(_line("300,30,2.5", model="anthropic/opus"))
    assert line.ours is not None
    assert (line.ours.requests, line.ours.cost) == (2, Decimal(2))
    assert (line.finding.difference, line.finding.tokens) == (Decimal("0.5"), 110)
    assert line.on_invoice == "anthropic/opus"


def test_a_few_estimated_tokens_do_not_explain_much_money() -> None:
    attempted(f"{DAY}T12:00:00")
    attempted(f"{DAY}T13:00:00", estimated=True, cost=10**10)
    (line,) = compared(_line("900,20,9"))
    assert line.finding.cause == Cause.TRAFFIC


def test_an_alias_joins_names() -> None:
    attempted(f"{DAY}T12:00:00")
    assert [line.finding.cause for line in compared(_line("100,10,1", model="Big one"))] == [
        Cause.UNKNOWN_MODEL,
        Cause.ONLY_OURS,
    ]
    assert [line.finding.cause for line in compared(_line("100,10,1", model="Big one"), **{"big one": "opus"})] == [
        Cause.NONE
    ]


def test_an_invoice_without_models_is_compared_by_day() -> None:
    attempted(f"{DAY}T12:00:00")
    attempted(f"{DAY}T13:00:00", model_name="haiku")
    (line,) = compared(f"date,cost\n{DAY},2\n")
    assert (line.model, line.finding.cause) == ("", Cause.NONE)


def test_an_invoice_without_costs_is_compared_by_tokens() -> None:
    attempted(f"{DAY}T12:00:00")
    text = "date,model,input_tokens,output_tokens\n"
    (same,) = compared(f"{text}{DAY},opus,100,10\n")
    (more,) = compared(f"{text}{DAY},opus,150,10\n")
    assert (same.finding.cause, same.finding.difference) == (Cause.NONE, None)
    assert (more.finding.cause, more.finding.tokens) == (Cause.TRAFFIC, 50)


def test_pruned_days_come_from_the_days_of_attempts() -> None:
    attempted("2026-10-30T12:00:00", reported_model="opus-20261001")
    attempted("2026-10-31T12:00:00", reported_model="opus-20261001", outcome="interrupted")
    AttemptLog.objects.filter(started_at__lt=datetime(2026, 10, 31, tzinfo=UTC)).delete()
    text = f"{HEADER}2026-10-30,opus-20261001,100,10,1\n2026-10-31,opus-20261001,100,10,1\n"
    lines = compared(text)
    assert [(line.day.day, line.model, line.finding.cause) for line in lines] == [
        (30, "opus-20261001", Cause.NONE),
        (31, "opus-20261001", Cause.NONE),
    ]
    assert [line.ours is not None and line.ours.is_pruned for line in lines] == [True, False]


def test_a_day_with_rows_of_other_providers_alone_is_not_pruned() -> None:
    attempted("2026-10-31T12:00:00", provider_id=8)
    assert figures(PROVIDER, DAY, timezone.now().date()) == {}
