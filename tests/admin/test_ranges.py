"""Ranges of time in URLs: what each name means, what can be written, and that a range is read as it was written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from proxysite.console import ranges
from proxysite.console.ranges import Range, WrongRange
from tests.admin.history import at
from usage.reports.query import Period

NOW = at("2026-03-05 12:07")


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("1h", "2026-03-05 11:00"),
        ("24h", "2026-03-04 12:00"),
        ("today", "2026-03-05 05:00"),
        ("7d", "2026-02-27 05:00"),
        ("30d", "2026-02-04 05:00"),
        ("month", "2026-03-01 05:00"),
    ],
)
def test_a_name_is_a_range_that_ends_with_this_quarter_hour(name: str, since: str, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    assert ranges.read({"range": name}, now=NOW) == Range(at(since), at("2026-03-05 12:15"), name)


def test_without_a_range_it_is_the_standard() -> None:
    assert ranges.read({}).name == "24h"
    assert ranges.read({"range": "", "from": ""}, "7d").name == "7d"


def test_days_are_whole_and_moments_exact(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    assert ranges.read({"from": "2026-03-01", "to": "2026-03-02"}) == Range(
        at("2026-03-01 05:00"), at("2026-03-03 05:00")
    )
    assert ranges.read({"started_at_from": "2026-03-01", "started_at_to": "2026-03-01"}).until == at("2026-03-02 05:00")
    minutes = ranges.read({"from": "2026-03-01T14:05", "to": "2026-03-01T15:00"})
    assert (minutes.since, minutes.until) == (at("2026-03-01 19:05"), at("2026-03-01 20:00"))
    assert minutes.title == "2026-03-01 14:05 to 2026-03-01 15:00"
    assert ranges.read({"to": "2026-03-01"}).since == ranges.BEGINNING
    assert ranges.read({"from": "2026-03-01"}, now=NOW).until == at("2026-03-05 12:15")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"range": "2h"}, "Choose one of 1h"),
        ({"from": "yesterday"}, "Write a day such as"),
        ({"from": "2026-02-30"}, "Write a day such as"),
        ({"from": "2026-03-01T25:00"}, "Write a day such as"),
        ({"to": "9999-12-31"}, "Choose a year"),
        ({"from": "0001-01-01T00:00"}, "Choose a year"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "ends before it begins"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(query: dict[str, str], why: str) -> None:
    with pytest.raises(WrongRange, match=why):
        ranges.read(query)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(days=400)), st.integers(0, 2))
def test_a_range_is_read_as_it_was_written(since: datetime, length: timedelta, precision: int) -> None:
    if precision:
        since = since.replace(minute=0, second=0, microsecond=0)
        length = timedelta(minutes=15) if precision == 1 else timedelta(days=30)
    written = Range(since, since + length)
    assert ranges.read(dict(written.pairs())) == written


def test_each_of_the_two_hours_that_a_zone_has_twice_is_another_range(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    first, second = (Range(at(f"2026-10-25 {hour}:30"), at(f"2026-10-25 {hour}:45")) for hour in ("00", "01"))
    assert first.pairs() != second.pairs()
    assert [ranges.read(dict(one.pairs())) for one in (first, second)] == [first, second]


def test_a_range_knows_its_days_and_the_range_before(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    week = ranges.named("7d", NOW)
    assert week.days() == Period(date(2026, 2, 27), date(2026, 3, 5))
    assert ranges.named("24h", NOW).days() is None
    assert ranges.named("24h", NOW).covering() == Period(date(2026, 3, 4), date(2026, 3, 5))
    assert Range(at("2026-03-01 05:00"), at("2026-03-03 05:00")).title == "2026-03-01 to 2026-03-02"
    day = ranges.named("24h", NOW)
    assert day.before() == Range(day.since - (day.until - day.since), day.since)
    assert ranges.named("month", NOW).before() == Range(at("2026-02-01 05:00"), at("2026-02-05 12:15"))
    assert ranges.named("month", at("2026-03-31 12:00")).before().until == at("2026-03-01 05:00")


def test_named_days_are_compared_with_the_same_hours_of_earlier_days(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    assert ranges.named("today", NOW).before() == Range(at("2026-03-04 05:00"), at("2026-03-04 12:15"))
    assert ranges.named("7d", NOW).before() == Range(at("2026-02-20 05:00"), at("2026-02-26 12:15"))
    # Over the change to summer time on March 8, too.
    after = ranges.named("7d", at("2026-03-12 12:07"))
    assert after.before() == Range(at("2026-02-27 05:00"), at("2026-03-05 13:15"))
    last = ranges.named("today", at("2026-03-06 04:59"))
    assert last.before() == Range(at("2026-03-04 05:00"), at("2026-03-05 05:00"))


@pytest.mark.parametrize("query", [{"from": "0002-01-01", "to": "2026-01-01"}, {"to": "9998-01-01"}])
def test_nothing_before_the_beginning_is_compared(query: dict[str, str]) -> None:
    chosen = ranges.read(query)
    assert chosen.before() == Range(chosen.since, chosen.since)
    assert ranges.read({"from": "1970-01-11", "to": "2026-01-01"}).before().since == ranges.BEGINNING


def test_the_widget_keeps_the_other_parameters() -> None:
    query = QueryDict("range=7d&team=3&outcome__exact=failed&outcome__exact=refused&older=x&from=&to=")
    chosen = ranges.read(query)
    page = render_to_string("console/range.html", {"ranges": ranges.widget(chosen, query, drop=["older"])})
    assert 'href="?range=30d&amp;team=3&amp;outcome__exact=failed&amp;outcome__exact=refused"' in page
    assert page.count("gw-chosen") == 1
    assert '<input type="hidden" name="team" value="3">' in page
    assert "older" not in page


def test_the_widget_shows_what_was_wrong() -> None:
    query = QueryDict("from=<b>x")
    page = render_to_string("console/range.html", {"ranges": ranges.widget(None, query, error="Write a day.")})
    assert "Write a day." in page
    assert "<b>x" not in page
    assert " open" in page
