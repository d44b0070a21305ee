"""What usage.reports.query makes of usage rows, on whichever database the run is on."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from uuid_utils.compat import uuid7

from access.models import Team
from tests.admin.history import at, attempt_row, request_row
from usage.dollars_sum import DollarsSum
from usage.money import to_pico
from usage.reports import amounts, formatting, query
from usage.reports.explore.answer import answer
from usage.reports.explore.question import Question
from usage.reports.query import Period, Selection
from usage.rollups.models import AttemptRollup, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def test_sums_of_money_are_exact_to_the_pico_dollar() -> None:
    for cost in (1, 2_000_000_000_003, 999_999_999_999):
        request_row(started_at=at("2026-03-05 12:00"), cost=cost)
    assert query.totals(Selection(MARCH)).cost == Decimal("3.000000000003")


def test_sums_of_money_may_be_larger_than_a_column_holds() -> None:
    """In each group, with a condition, and in their order."""
    for number, (provider, cost) in enumerate([("a", 6), ("b", 9), ("a", 6), ("c", 1), ("b", 9), ("a", 1)], 1):
        moment, cost = at(f"2026-03-0{number} 12:00"), cost * 10**18 + 1
        request_row(started_at=moment, provider_name=provider, cost=cost)
        attempt_row(uuid7(), started_at=moment, provider_name=provider, cost=cost)
    attempt_row(uuid7(), started_at=at("2026-03-05 12:00"), provider_name="d", cost=None)
    assert query.totals(Selection(MARCH)).cost == Decimal("32000000.000000000006")
    groups = AttemptRollup.objects.values_list("provider_name").annotate(total=DollarsSum("cost"))
    assert list(groups.order_by(F("total").desc(nulls_last=True))) == [
        ("b", Decimal("18000000.000000000002")), ("a", Decimal("13000000.000000000003")),
        ("c", Decimal("1000000.000000000001")), ("d", None),
    ]  # fmt: skip
    request_row(started_at=at("2026-03-05 12:00"), provider_name="e", cost=500_000_000)
    rows = UsageRollup.objects.filter(provider_name="e")
    assert rows.aggregate(total=DollarsSum(F("cost") * -1))["total"] == -500_000_000
    negative = UsageRollup.objects.aggregate(total=DollarsSum(F("cost") * -1))
    assert negative["total"] == -sum(to_pico(row.cost) for row in UsageRollup.objects.all())


def test_what_no_row_knows_is_none_and_what_some_know_is_their_sum() -> None:
    request_row(started_at=at("2026-03-05 12:00"), output_tokens=5)
    request_row(started_at=at("2026-03-05 12:00"), output_tokens=None, input_tokens=0)
    totals = query.totals(Selection(MARCH))
    assert (totals.output, totals.input, totals.cache_read, totals.cost) == (5, 0, None, None)
    assert totals.unpriced == 2
    assert type(totals.output) is int


def test_errors_are_what_callers_saw_as_errors() -> None:
    for outcome in ("completed", "failed", "refused", "client_closed", "interrupted"):
        request_row(started_at=at("2026-03-05 12:00"), outcome=outcome)
    totals = query.totals(Selection(MARCH))
    assert (totals.requests, totals.errors) == (5, 3)


def test_a_day_is_the_day_of_time_zone(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    request_row(started_at=at("2026-02-28 14:59"), output_tokens=1)
    request_row(started_at=at("2026-02-28 15:00"), output_tokens=10)
    request_row(started_at=at("2026-03-31 14:59"), output_tokens=100)
    request_row(started_at=at("2026-03-31 15:00"), output_tokens=1000)
    assert query.totals(Selection(MARCH)).output == 110
    (line,) = answer(Question(MARCH.start, MARCH.end, "output", group="team")).lines
    assert (line.values[0], line.values[-1]) == (10, 100)


def test_a_day_of_23_hours_is_whole(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    day = Period(date(2026, 3, 29), date(2026, 3, 29))
    request_row(started_at=at("2026-03-28 22:59"), output_tokens=1)
    request_row(started_at=at("2026-03-28 23:00"), output_tokens=10)
    request_row(started_at=at("2026-03-29 21:59"), output_tokens=100)
    request_row(started_at=at("2026-03-29 22:00"), output_tokens=1000)
    assert query.totals(Selection(day)).output == 110


def test_a_renamed_team_is_one_line_under_its_new_name_and_a_deleted_one_keeps_its_last() -> None:
    team = Team.objects.create(name="after")
    for day, number, name in ((5, 0, "before"), (6, 0, "after"), (5, 1000, "z before"), (6, 1000, "a last")):
        request_row(started_at=at(f"2026-03-0{day} 12:00"), team_id=team.pk + number, team_name=name)
    found = answer(Question(MARCH.start, MARCH.end, "requests", group="team"))
    assert sorted((line.labels, line.requests) for line in found.lines) == [(("a last",), 2), (("after",), 2)]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "—"),
        (Decimal(0), "$0.00"),
        (Decimal("0.000001234567"), "$0.000001235"),
        (Decimal("0.5"), "$0.50"),
        (Decimal("0.99994"), "$0.9999"),
        (Decimal("0.99999999"), "$1.00"),
        (Decimal("0.0099999"), "$0.01"),
        (Decimal("-0.99999999"), "-$1.00"),
        (Decimal("1234.567"), "$1,234.57"),
    ],
)
def test_money_is_written_for_people(amount: Decimal | None, text: str) -> None:
    assert formatting.dollars(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "—"),
        (Decimal(0), "$0.00\u2007\u2007"),
        (Decimal("0.25"), "$0.2500"),
        (Decimal("0.00001"), "<$0.0001"),
        (Decimal("0.99996"), "$1.00\u2007\u2007"),
        (Decimal("1234.5"), "$1,234.50\u2007\u2007"),
        (Decimal("-0.5"), "-$0.5000"),
        (Decimal("-0.00001"), ">-$0.0001"),
    ],
)
def test_money_in_a_column_aligns_on_the_point(amount: Decimal | None, text: str) -> None:
    assert formatting.dollars_in_column(amount) == text


def test_prices_in_a_column_keep_all_digits() -> None:
    shown = [formatting.price_in_column(Decimal(price)) for price in ("3", "0.1", "0.0225", "0.041667")]
    assert shown == ["$3.00\u2007\u2007", "$0.10\u2007\u2007", "$0.0225", "$0.041667"]


def test_an_amount_that_a_column_rounds_has_all_its_digits_on_hover() -> None:
    assert amounts.in_column(Decimal("0.25")) == "$0.2500"
    assert amounts.in_column(Decimal("0.000045")) == '<span title="$0.000045">&lt;$0.0001</span>'


def test_no_attribute_has_what_aligns_a_column() -> None:
    """The aligned text holds elements, which would end the attribute."""
    templates = list((settings.BASE_DIR / "templates").rglob("*.html"))
    assert any("|dollars_in_column" in path.read_text() for path in templates)
    inside = re.compile(r'="[^"]*\|(?:dollars|price)_in_column')
    assert [path.name for path in templates if inside.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "—"),
        (0, "0 ms"),
        (999, "999 ms"),
        (4200, "4.2 s"),
        (59_949, "59.9 s"),
        (59_990, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (119_990, "2 min 00 s"),
        (3_599_900, "1 h 00 min"),
        (88_148_000, "1 day 0 h"),
        (200_000_000, "2 days 7 h"),
    ],
)
def test_time_is_written_for_people(number: int | None, text: str) -> None:
    assert formatting.milliseconds(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(9_999, "9,999"), (999_949, "999.9k"), (999_960, "1.00M"), (8_912_345, "8.91M")]
)
def test_tokens_are_written_for_people(number: int, text: str) -> None:
    assert formatting.tokens(number) == text
