"""The running month holds its days that are over, and what an earlier version built is built again."""

from __future__ import annotations

import time
from datetime import date

import pytest
from django.utils import timezone

from tests.usage.added import store
from tests.usage.dated import day, request
from usage.rollups import months
from usage.rollups.models import MonthRollup, RollupMonth, RollupZone

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

MARCH = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def of_utc(db: None) -> None:
    """The days that are stored are those of UTC."""
    RollupZone.objects.update_or_create(id=1, defaults={"name": "UTC"})


def test_this_month_is_added_up_to_yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = day("2026-03-20T12:00:00")
    monkeypatch.setattr(time, "time", lambda: clock.timestamp())
    store([request(day(f"2026-03-{of}T12:00:00"), output_tokens=of, owner_id=1) for of in (10, 19, 20)])
    assert months.unbuilt() == [MARCH]
    assert months.build(MARCH)
    assert months.unbuilt() == []
    assert months.built(MARCH, date(2026, 3, 21)) == [(MARCH, date(2026, 3, 20))]
    # A range that ends before holds less than that.
    assert months.built(MARCH, date(2026, 3, 19)) == []
    assert [row.output_tokens for row in MonthRollup.objects.all()] == [29, 29, 29]
    assert list(months.rebuild(check=True)) == []
    # Today's requests change nothing, late ones of yesterday do.
    store([request(day("2026-03-20T12:30:00"), output_tokens=1)])
    assert months.unbuilt() == []
    store([request(day("2026-03-19T23:59:59"), output_tokens=100, owner_id=1)])
    assert months.built(MARCH, date(2026, 3, 21)) == []
    assert months.build_next()
    assert {row.output_tokens for row in MonthRollup.objects.all()} == {129}
    # The next day is added within the hour after it is over, and then the whole month.
    clock = day("2026-03-21T00:30:00")
    assert months.unbuilt() == []
    clock = day("2026-03-21T01:30:00")
    assert months.build_next()
    assert months.built(MARCH, date(2026, 4, 1)) == [(MARCH, date(2026, 3, 21))]
    clock = day("2026-04-03T00:00:00")
    assert months.build_next()
    assert months.built(MARCH, date(2026, 4, 1)) == [(MARCH, date(2026, 4, 1))]


def test_a_month_that_an_earlier_version_built_is_built_again() -> None:
    """It knows neither `until` nor months without owners, and deletes these with the rest."""
    store([request(day("2026-03-05T12:00:00"))])
    assert months.build_all() == []
    store([request(day("2026-03-06T12:00:00"))])
    MonthRollup.objects.filter(keyless=True).delete()
    RollupMonth.objects.update(built_at=timezone.now())
    assert months.built(MARCH, date(2026, 4, 1)) == []
    assert months.unbuilt() == [MARCH]
