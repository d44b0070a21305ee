"""Whatever is asked of whatever stretch of time, the rollups that hold it add up to its rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.usage.added import NAMES, counted, record, store
from tests.usage.dated import day, request
from usage.models import RequestLog
from usage.reports import spans
from usage.rollups import months
from usage.rollups.models import MonthRollup, RollupMonth, RollupZone, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham")
_EDGES = tuple(day(f"2026-{text}T20:00:00") for text in ("01-31", "02-28", "03-28", "03-31", "09-30"))
_COUNTED = ("requests", "attempts", "unknown_cost", "output_tokens", "cost")
_QUARTER = timedelta(minutes=15)

edge_records = st.builds(record, st.integers(0, 2**32), st.sampled_from(_EDGES))
moments = st.builds(lambda edge, quarters: edge + quarters * _QUARTER, st.sampled_from(_EDGES), st.integers(-90, 90))


def _use(zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    RollupZone.objects.update_or_create(id=1, defaults={"name": zone})


def _from_rows(since: datetime, until: datetime, by: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.filter(started_at__gte=since, started_at__lt=until):
        groups[tuple(getattr(row, name) for name in by)].append(row)
    return {key: {name: counted(rows)[name] for name in _COUNTED} for key, rows in groups.items()}


def _from_rollups(since: datetime, until: datetime, by: list[str], **how: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    sums = {f"total_{name}": Sum(name) for name in _COUNTED}
    groups = spans.rows(since, until, by, **how).groups(*by, **sums)
    return {
        tuple(row[name] for name in by): {name: row[f"total_{name}"] for name in _COUNTED}
        for row in groups
    }  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(edge_records, max_size=20),
    st.tuples(st.one_of(moments, st.just(day("1970-01-01"))), moments),
    st.tuples(st.booleans(), st.booleans()),
    st.lists(st.sampled_from(NAMES), unique=True, max_size=4),
    st.sampled_from(_ZONES),
    st.tuples(st.sampled_from(("quarter", "day", "month")), st.sampled_from((None, "Asia/Tokyo"))),
    st.booleans(),
)
def test_any_range_and_any_dimensions_equal_a_plain_sum_over_rows(
    settings: Any,
    requests: list[Any],
    ends: tuple[datetime, datetime],
    at_midnight: tuple[bool, bool],
    by: list[str],
    zone: str,
    how: tuple[str, str | None],
    late: bool,
) -> None:
    with transaction.atomic():
        _use(zone, settings)
        since, until = sorted(
            _midnight(one, zone) if whole else one for one, whole in zip(ends, at_midnight, strict=True)
        )
        store(requests[: len(requests) // 2] if late else requests)
        for month in months.unbuilt():
            months.build(month)
        store(requests[len(requests) // 2 :] if late else [])
        asked: dict[str, Any] = {"bucket": how[0], "zone": how[1] and ZoneInfo(how[1])}
        assert _from_rollups(since, until, by, **asked) == _from_rows(since, until, by)
        total = spans.rows(since, until, by, **asked).total(n=Sum("requests", default=0))
        assert total["n"] == RequestLog.objects.filter(started_at__gte=since, started_at__lt=until).count()
        transaction.set_rollback(True)


def _midnight(moment: datetime, zone: str) -> datetime:
    local = moment.astimezone(ZoneInfo(zone))
    return datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_a_year_is_read_from_months_and_the_days_beside_them(settings: Any) -> None:
    _use("UTC", settings)
    for month in range(1, 7):
        store([request(day(f"2026-{month:02}-15T12:00:00"), output_tokens=month, team_id=1)])
    for first in months.unbuilt():
        months.build(first)
    store([request(day("2026-04-20T12:00:00"), output_tokens=100, team_id=1)])
    found = spans.rows(day("2026-01-10"), day("2026-06-01"), ["team_id"])
    tables = [part.model.__name__ for part in found.parts]
    assert tables == ["MonthRollup", "DailyRollup", "DailyRollup"]
    assert found.total(n=Sum("output_tokens"))["n"] == 115
    # Once it is built, nobody reads April's days, and what is in no month is read nowhere else.
    assert months.build(day("2026-04-01").date())
    found = spans.rows(day("2026-01-01"), day("2026-06-01"), ["team_id"])
    assert [part.model for part in found.parts] == [MonthRollup]
    assert found.filter(team_id=1).total(n=Sum("output_tokens"))["n"] == 115


def test_today_counts_as_a_whole_day(settings: Any) -> None:
    _use("UTC", settings)
    now = timezone.now()
    store([request(now, output_tokens=1)])
    found = spans.rows(now - timedelta(days=3), now + _QUARTER, ["key_id"])
    assert [part.model.__name__ for part in found.parts] == ["UsageRollup", "DailyRollup"]
    assert found.total(n=Sum("output_tokens"))["n"] == 1


def test_what_the_rollups_do_not_tell_apart_is_refused() -> None:
    found = spans.rows(day("2026-01-01"), day("2026-06-01"), ["team_id"])
    for ask in (
        lambda: found.filter(owner_id=1),
        lambda: found.groups("model_name", n=Sum("requests")),
        lambda: found.bins("first_token_bins", "key_name"),
    ):
        with pytest.raises(ValueError, match="name it in `by`"):
            ask()
    with pytest.raises(ValueError, match="no dimension colour"):
        spans.rows(day("2026-01-01"), day("2026-06-01"), ["colour"])


def test_without_days_of_this_time_zone_quarter_hours_answer(settings: Any) -> None:
    _use("UTC", settings)
    store([request(day("2026-03-05T12:00:00"), team_name="t", team_id=1)])
    RollupZone.objects.update(name="elsewhere")
    found = spans.rows(day("2026-01-01"), day("2026-06-01"), ["team_id", "team_name"])
    assert found.one().model is UsageRollup
    assert found.groups("team_id", label=Max("team_name")) == [{"team_id": 1, "label": "t"}]
    assert not RollupMonth.objects.exclude(built_at=None).exists()
