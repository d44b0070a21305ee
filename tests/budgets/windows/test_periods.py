"""The days, weeks and months of budgets, in time zones that change their clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage.budgets.periods import DAY, MONTH, NEVER, TOTAL, WEEK, bounds

HOUR = 3600.0
ZONES = sorted(available_timezones() - {"Factory", "localtime"})


def _at(zone: str, text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def _shown(zone: str, moment: float) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("zone", "noon", "starts", "hours"),
    [
        ("UTC", "2026-03-29 12:00", "2026-03-29 00:00:00", 24),
        ("Europe/Berlin", "2026-03-29 12:00", "2026-03-29 00:00:00", 23),
        ("Europe/Berlin", "2026-10-25 12:00", "2026-10-25 00:00:00", 25),
        ("America/New_York", "2026-03-08 12:00", "2026-03-08 00:00:00", 23),
        ("America/New_York", "2026-11-01 12:00", "2026-11-01 00:00:00", 25),
        ("Australia/Lord_Howe", "2026-10-04 12:00", "2026-10-04 00:00:00", 23.5),
        ("Australia/Lord_Howe", "2026-04-05 12:00", "2026-04-05 00:00:00", 24.5),
        # The clock skips the hour from midnight to one.
        ("America/Asuncion", "2023-10-01 12:00", "2023-10-01 01:00:00", 23),
        ("Asia/Beirut", "2026-03-29 12:00", "2026-03-29 01:00:00", 23),
        ("Atlantic/Azores", "2026-03-29 12:00", "2026-03-29 01:00:00", 23),
        ("Africa/Cairo", "2026-04-24 12:00", "2026-04-24 01:00:00", 23),
        # It goes back from midnight to eleven: the day before has an hour more.
        ("America/Asuncion", "2024-03-23 12:00", "2024-03-23 00:00:00", 25),
        ("Asia/Beirut", "2026-10-24 12:00", "2026-10-24 00:00:00", 25),
        # It goes back from one to midnight: midnight is shown twice, and the day begins with the first.
        ("Atlantic/Azores", "2026-10-25 12:00", "2026-10-25 00:00:00", 25),
        ("America/Havana", "2026-11-01 12:00", "2026-11-01 00:00:00", 25),
        # It goes back from one past midnight to a minute past eleven: the day begins with the first midnight.
        ("America/St_Johns", "2010-11-07 12:00", "2010-11-07 00:00:00", 25),
        ("America/St_Johns", "2010-11-06 12:00", "2010-11-06 00:00:00", 24),
        # It goes on from half past eleven to half past midnight.
        ("America/Toronto", "1919-03-31 12:00", "1919-03-31 00:30:00", 23.5),
    ],
)
def test_a_day_is_as_long_as_its_clock_makes_it(zone: str, noon: str, starts: str, hours: float) -> None:
    starts_at, resets_at = bounds(DAY, zone, 0, _at(zone, noon))
    assert _shown(zone, starts_at) == starts
    assert (resets_at - starts_at) / HOUR == hours


def test_a_second_midnight_begins_no_second_day() -> None:
    zone = "Atlantic/Azores"
    first, second = (_at(zone, "2026-10-25 00:30", fold) for fold in (0, 1))
    assert second - first == HOUR
    assert bounds(DAY, zone, 0, first) == bounds(DAY, zone, 0, second)


def test_the_clock_may_show_a_day_that_is_over() -> None:
    zone = "America/St_Johns"
    again = _at(zone, "2010-11-06 23:30", fold=1)
    assert _shown(zone, bounds(DAY, zone, 0, again)[0]) == "2010-11-07 00:00:00"


def test_a_day_that_the_clock_skips_resets_once() -> None:
    zone = "Pacific/Apia"
    starts_at, resets_at = bounds(DAY, zone, 0, _at(zone, "2011-12-29 12:00"))
    assert _shown(zone, resets_at) == "2011-12-31 00:00:00"
    assert resets_at - starts_at == 24 * HOUR
    assert bounds(DAY, zone, 0, resets_at) == (resets_at, resets_at + 24 * HOUR)


@pytest.mark.parametrize("week_starts", range(7))
def test_a_week_begins_on_its_first_day(week_starts: int) -> None:
    # The last Sunday of March has 23 hours in Berlin.
    zone = "Europe/Berlin"
    for day in range(20, 32):
        now = _at(zone, f"2026-03-{day} 12:00")
        starts_at, resets_at = bounds(WEEK, zone, week_starts, now)
        begins, ends = (datetime.fromtimestamp(at, ZoneInfo(zone)) for at in (starts_at, resets_at))
        assert begins.weekday() == ends.weekday() == week_starts
        assert (begins.hour, begins.minute) == (ends.hour, ends.minute) == (0, 0)
        assert (ends.date() - begins.date()).days == 7
        assert starts_at <= now < resets_at


@pytest.mark.parametrize(
    ("now", "starts", "resets"),
    [
        ("2028-02-29 23:59:59", "2028-02-01 00:00:00", "2028-03-01 00:00:00"),
        ("2026-02-28 23:59:59", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
        ("2026-12-31 12:00:00", "2026-12-01 00:00:00", "2027-01-01 00:00:00"),
        ("2026-01-31 12:00:00", "2026-01-01 00:00:00", "2026-02-01 00:00:00"),
        ("2026-11-01 00:00:00", "2026-11-01 00:00:00", "2026-12-01 00:00:00"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])
def test_a_month_begins_with_its_first_day(zone: str, now: str, starts: str, resets: str) -> None:
    starts_at, resets_at = bounds(MONTH, zone, 0, _at(zone, now))
    assert (_shown(zone, starts_at), _shown(zone, resets_at)) == (starts, resets)


def test_the_29th_of_february_is_a_day() -> None:
    starts_at, resets_at = bounds(DAY, "Asia/Tokyo", 0, _at("Asia/Tokyo", "2028-02-29 00:00"))
    assert _shown("Asia/Tokyo", starts_at) == "2028-02-29 00:00:00"
    assert _shown("Asia/Tokyo", resets_at) == "2028-03-01 00:00:00"


def test_a_total_never_resets() -> None:
    assert bounds(TOTAL, "Europe/Berlin", 0, 1.8e9) == (0.0, NEVER)
    for zone in ZONES:
        datetime.fromtimestamp(NEVER, ZoneInfo(zone))


def test_a_period_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="'year'"):
        bounds("year", "UTC", 0, 1.8e9)


@given(
    zone=st.sampled_from(ZONES),
    period=st.sampled_from([DAY, WEEK, MONTH]),
    week_starts=st.integers(0, 6),
    now=st.integers(0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())),
)
def test_periods_follow_each_other_without_a_gap(zone: str, period: str, week_starts: int, now: int) -> None:
    starts_at, resets_at = bounds(period, zone, week_starts, now)
    assert starts_at <= now < resets_at
    assert bounds(period, zone, week_starts, starts_at) == (starts_at, resets_at)
    assert bounds(period, zone, week_starts, resets_at - 1) == (starts_at, resets_at)
    assert bounds(period, zone, week_starts, resets_at)[0] == resets_at
    assert bounds(period, zone, week_starts, starts_at - 1)[1] == starts_at
    longest = {DAY: 1, WEEK: 7, MONTH: 31}[period]
    assert resets_at - starts_at <= timedelta(days=longest, hours=26).total_seconds()
