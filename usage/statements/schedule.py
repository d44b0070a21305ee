"""Closes months by itself: each team's on the same day, in its own time zone. What a stop has missed is made up for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta

from django.db.models import Max

from access.allowances.time_zones import zone_of
from access.models import Team
from usage.statements import drafts, overview
from usage.statements.closing import NotClosed, close, one_team
from usage.statements.models import Statement, StatementSchedule


def close_due(now: datetime, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Closes every month whose closing day has come; returns how many statements that are. `goes_on` is asked before
    each team. A team whose month cannot be closed is in the log, and does not keep the others from it.

    Raises django.db.Error where the database is away.
    """
    schedule = StatementSchedule.objects.first()
    if schedule is None or schedule.day is None:
        return 0
    closed = 0
    for team_id, month in _due(schedule.day, now):
        if not goes_on():
            break
        with suppress(NotClosed), one_team(team_id, month):
            closed += _close(team_id, month)
    return closed


def month_due(day: int, zone: str, now: datetime) -> date:
    """Returns the last month, by its first day, whose closing day has come in a time zone."""
    today = now.astimezone(zone_of(zone)).date()
    last = today.replace(day=1) - timedelta(days=1)
    return (last if today.day >= day else last.replace(day=1) - timedelta(days=1)).replace(day=1)


def _due(day: int, now: datetime) -> Iterator[tuple[int, date]]:
    """Yields teams whose last closed month is before the one that is due, with that month."""
    zones = dict(Team.objects.values_list("pk", "time_zone"))
    last = dict(Statement.objects.order_by().values_list("team_id").annotate(Max("month")))
    # Teams that are deleted have no time zone any more.
    teams = zones.keys() | last.keys() | overview.used_about(month_due(day, "", now))
    for team_id in sorted(teams):
        month = month_due(day, zones.get(team_id, ""), now)
        if team_id not in last or last[team_id] < month:
            yield team_id, month


def _close(team_id: int, until: date) -> int:
    """Closes a team's months up to the last one with usage: a team that is not used any more gets no statements."""
    closed = 0
    while (span := drafts.next_span(team_id)) is not None and span.month <= until:
        team = Team.objects.filter(pk=team_id).first()
        end = drafts.span_of(team, until, drafts.last_statement(team_id)).ends_at
        found = list(close(team_id, span.month)) if drafts.by_model(team_id, span.starts_at, end) else []
        if not found:
            break
        closed += len(found)
    return closed
