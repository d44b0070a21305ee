"""Days by tags and by client: made from the rows alone, so a rebuild makes the same; sets beyond the bound are one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from access.tags import NO_TAGS, OTHERS, set_id
from tests.usage.added import store, stored_by_team
from tests.usage.dated import day, request
from usage.models import RequestLog
from usage.rollups import accumulate, rebuild, upsert
from usage.rollups.accumulate import local_day, midnight
from usage.rollups.models import IMPORTED_ROUTE, ClientRollup, TagRollup, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

BOTH = ["blue", "claimed:ticket-7"]
BEYOND = set_id(["red", OTHERS])


def _rebuild(**options: Any) -> str:
    out = StringIO()
    try:
        call_command("rebuild_rollups", stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def _tagged(moment: str, tags: list[str], tags_id: Any = None, **fields: Any) -> None:
    fields = {"team_id": 1, "team_name": "t", "client_name": "claude-cli", "client_version": "2.0", **fields}
    store([request(day(moment), tags=tags, tags_id=tags_id or set_id(tags), cost=10**12, **fields)])


@pytest.fixture
def requests() -> None:
    """Two days, with and without tags, and sets beyond the bound of a day."""
    for moment in ("2026-03-05T10:00:00", "2026-03-05T23:59:00", "2026-03-06T10:00:00"):
        _tagged(moment, BOTH)
    _tagged("2026-03-05T11:00:00", [], client_version="other")
    for number in range(3):
        _tagged("2026-03-05T12:00:00", ["red", f"claimed:{number}"], BEYOND)
    _tagged("2026-03-05T12:00:00", ["claimed:x"], set_id([OTHERS]))
    store([request(day("2026-03-06T11:00:00"))])


def _counted() -> list[tuple[Any, ...]]:
    rows = TagRollup.objects.order_by("starts_at", "-requests", "tags_id")
    return [(row.starts_at.day, row.tags_id, row.tags, row.requests) for row in rows]


@pytest.mark.usefixtures("requests")
def test_a_set_is_a_row_a_day_and_those_beyond_the_bound_are_one_with_the_keys_tags() -> None:
    found = _counted()
    assert found[:2] == [(5, BEYOND, [OTHERS, "red"], 3), (5, set_id(BOTH), BOTH, 2)]
    assert sorted(found[2:], key=str) == sorted(
        [(5, NO_TAGS, [], 1), (5, set_id([OTHERS]), [OTHERS], 1), (6, set_id(BOTH), BOTH, 1), (6, None, None, 1)],
        key=str,
    )
    clients = {
        (row.starts_at.day, row.client_name, row.client_version): row.requests for row in ClientRollup.objects.all()
    }
    assert clients == {
        (5, "claude-cli", "2.0"): 6, (5, "claude-cli", "other"): 1, (6, "claude-cli", "2.0"): 1, (6, "", ""): 1,
    }  # fmt: skip


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda: TagRollup.objects.filter(tags_id=BEYOND).delete(), "is missing"),
        (lambda: TagRollup.objects.filter(tags_id=BEYOND).update(requests=9), "requests is 9, should be 3"),
        (lambda: ClientRollup.objects.filter(client_version="other").update(client_version="x"), "has no requests"),
        (lambda: [model._default_manager.all().delete() for model in (TagRollup, ClientRollup)], "usage_clientrollup"),
    ],
)
def test_what_differs_is_named_and_corrected(spoil: Callable[[], Any], subject: str) -> None:
    before = stored_by_team(TagRollup), stored_by_team(ClientRollup)
    assert "match" in _rebuild(check=True)
    spoil()
    assert subject in _rebuild(check=True)
    assert "rebuilt" in _rebuild()
    assert (stored_by_team(TagRollup), stored_by_team(ClientRollup)) == before


@pytest.mark.usefixtures("requests")
def test_a_day_that_was_pruned_in_part_keeps_its_rollups() -> None:
    before = stored_by_team(TagRollup), stored_by_team(ClientRollup)
    for until in ("2026-03-05T11:30:00", "2026-03-06"):
        RequestLog.objects.filter(started_at__lt=day(until)).delete()
        assert "match" in _rebuild(check=True)
        assert "match" in _rebuild()
        assert (stored_by_team(TagRollup), stored_by_team(ClientRollup)) == before


@pytest.mark.usefixtures("requests")
def test_another_time_zone_gets_days_of_its_own(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    _rebuild()
    assert {row.starts_at.hour for row in TagRollup.objects.all()} == {15}
    assert sum(row.requests for row in TagRollup.objects.all()) == RequestLog.objects.count()
    assert "match" in _rebuild(check=True)


def test_a_check_names_what_a_rebuild_for_another_time_zone_then_writes(settings: Any) -> None:
    # The hours of a day of UTC after midnight in Tokyo have a set of their own.
    for moment in [day("2026-03-05") + timedelta(hours=hour) for hour in range(3, 4 * 24, 6)]:
        _tagged(moment.isoformat(), ["late"] if moment.hour >= 15 else BOTH)
    settings.TIME_ZONE = "Asia/Tokyo"
    checked = list(rebuild.rebuild(check=True))
    assert any(one.stored is None and str(set_id(["late"])) in one.subject for one in checked)
    assert checked == list(rebuild.rebuild())
    assert "match" in _rebuild(check=True)


def _all_counted() -> list[int]:
    return [sum(row.requests for row in model._default_manager.all()) for model in (TagRollup, ClientRollup)]


def test_a_change_in_the_middle_of_a_day_loses_nothing_when_rebuilt_before_it_is_pruned(settings: Any) -> None:
    for hour in range(58):
        if hour == 34:
            settings.TIME_ZONE = "Asia/Tokyo"
        _tagged((day("2026-03-06") + timedelta(hours=hour)).isoformat(), BOTH)
    _rebuild()
    RequestLog.objects.filter(started_at__lt=day("2026-03-07")).delete()
    assert "match" in _rebuild()
    assert _all_counted() == [58, 58]
    assert {row.starts_at.hour for row in TagRollup.objects.all()} == {15}


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("pruned", ["2026-03-05", "2026-03-07", "2026-03-07T09:30:00", "2026-03-20"])
def test_another_time_zone_counts_pruned_requests_once(settings: Any, zone: str, pruned: str) -> None:
    moments = [day("2026-03-05") + timedelta(hours=hour) for hour in range(0, 6 * 24, 2)]
    store([request(moment, tags=BOTH, tags_id=set_id(BOTH), client_name="c") for moment in moments])
    RequestLog.objects.filter(started_at__lt=day(pruned)).delete()
    settings.TIME_ZONE = zone
    _rebuild()
    assert _all_counted() == [len(moments)] * 2
    # The days of before stay where their rows are gone, and the others are new ones.
    starts = set(TagRollup.objects.values_list("starts_at", flat=True))
    a_day = timedelta(days=1)
    assert all(start.hour == 0 for start in starts if start + a_day <= day(pruned))
    assert all(start == midnight(local_day(int(start.timestamp()))) for start in starts if start > day(pruned) + a_day)
    assert "match" in _rebuild(check=True)
    store([request(day("2026-03-12T10:00:00"), tags=[], tags_id=NO_TAGS)])
    assert "match" in _rebuild(check=True)
    assert _all_counted() == [len(moments) + 1] * 2


def test_a_day_without_requests_keeps_none_of_another_time_zone(settings: Any) -> None:
    for moment in ("2026-03-05T20:00:00", "2026-03-09T20:00:00"):
        _tagged(moment, BOTH)
    settings.TIME_ZONE = "Asia/Tokyo"
    _rebuild()
    assert {row.starts_at for row in TagRollup.objects.all()} == {
        day("2026-03-05T15:00:00"),
        day("2026-03-09T15:00:00"),
    }
    assert _all_counted() == [2, 2]
    assert "match" in _rebuild(check=True)


def test_imported_days_hold_no_tags_back(settings: Any) -> None:
    _tagged("2026-03-05T20:00:00", BOTH)
    imported = request(day("2026-03-06T12:00:00"), route_name=IMPORTED_ROUTE)
    upsert.write(UsageRollup, accumulate.requests([imported]).quarters)
    settings.TIME_ZONE = "Asia/Tokyo"
    _rebuild()
    assert {row.starts_at for row in TagRollup.objects.all()} == {day("2026-03-05T15:00:00")}
    assert _all_counted() == [1, 1]
    assert "match" in _rebuild(check=True)
