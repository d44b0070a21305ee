"""How a month stands: of each team that used something its statement, or what it would say by now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
from django.db.models import Sum
from django.utils import timezone

from access.models import Team
from usage.reports import spans
from usage.rollups.accumulate import local_day, midnight, month_after
from usage.statements import drafts
from usage.statements.drafts import Span
from usage.statements.models import Statement


class Row(msgspec.Struct, frozen=True):
    """A team in a month. `cost` is the total of its statement, or what its requests of the month have cost so far."""

    team_id: int
    team_name: str
    cost_centre: str
    contact: str
    statement: Statement | None
    cost: Decimal | None
    zone: str
    ends_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether the month is over in the team's time zone: it may be closed."""
        return self.ends_at <= timezone.now()


def last_month() -> date:
    """Returns the first day of the month before the present one in TIME_ZONE."""
    first = local_day(timezone.now().timestamp()).replace(day=1)
    return (first - timedelta(days=1)).replace(day=1)


def rows(month: date) -> list[Row]:
    """Returns the teams that have a statement of a month or used something in it, by name."""
    teams = {team.pk: team for team in Team.objects.all()}
    statements = {one.team_id: one for one in Statement.objects.filter(month=month)}
    before = {one.team_id: one for one in Statement.objects.filter(month=(month - timedelta(days=1)).replace(day=1))}
    used = used_about(month) - statements.keys()
    open_spans = {identity: drafts.span_of(teams.get(identity), month, before.get(identity)) for identity in used}
    found = [_closed(one, teams.get(one.team_id)) for one in statements.values()]
    for identity, name, cost in _so_far(open_spans):
        team, span = teams.get(identity), open_spans[identity]
        centre, contact = (team.cost_centre, team.contact) if team is not None else ("", "")
        shown = team.name if team is not None else name or f"team {identity}"
        found.append(Row(identity, shown, centre, contact, None, cost, span.zone, span.ends_at))
    return sorted(found, key=lambda row: (row.team_name.lower(), row.team_id))


def _closed(statement: Statement, team: Team | None) -> Row:
    contact = team.contact if team is not None else ""
    return Row(
        statement.team_id, statement.team_name, statement.cost_centre, contact, statement, statement.total,
        statement.zone, statement.ends_at,
    )  # fmt: skip


def used_about(month: date) -> set[int]:
    """Returns the teams that used something in a month or right beside it, wherever their month begins."""
    day = timedelta(days=1)
    found = spans.rows(midnight(month - day), midnight(month_after(month) + day), ("team_id",))
    return {row["team_id"] for row in found.groups("team_id", sum_requests=Sum("requests"))} - {None}


def _so_far(open_spans: dict[int, Span]) -> Iterable[tuple[int, str, Decimal | None]]:
    """Yields team, name and cost of those with requests in their month: one question for all with the same span."""
    together: dict[tuple[datetime, datetime], list[int]] = {}
    for identity, span in open_spans.items():
        together.setdefault((span.starts_at, span.ends_at), []).append(identity)
    for (since, until), identities in together.items():
        found = spans.rows(since, until, ("team_id", "team_name")).filter(team_id__in=identities)
        of_team: dict[int, tuple[str, Decimal | None]] = {}
        for row in found.groups("team_id", "team_name", sum_cost=Sum("cost")):
            _, cost = of_team.get(row["team_id"], ("", None))
            more = row["sum_cost"]
            of_team[row["team_id"]] = (row["team_name"], more if cost is None else cost + (more or 0))
        yield from ((identity, *values) for identity, values in of_team.items())
