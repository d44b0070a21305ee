"""One budget as a page shows it: sentences about how it stands, its curve, and whom to ask for more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from django.contrib.auth.models import User
from django.utils import timezone

from access.models import Budget, IncreaseRequest
from proxysite.my import contacts
from proxysite.my.budgets import chart
from proxysite.my.budgets.chart import Chart
from proxysite.my.contacts import Contact
from proxysite.my.limits import Limit
from usage.budgets import pace, standing
from usage.budgets.bound import Bound
from usage.budgets.pace import BurnDown
from usage.budgets.standing import Standing
from usage.reports import times
from usage.reports.formatting import dollars

NEAR = 80
"""Percent of the limit from which on a bar warns."""
_NONE = Limit(
    "Spending",
    "no budget is set for you or your team",
    "What your keys cost is counted all the same, and the providers have limits of their own.",
)


class Shown(msgspec.Struct, frozen=True):
    """A budget with what a page says about it. `waiting` is the reader's open request for more of it."""

    standing: Standing
    burn: BurnDown | None = None
    chart: Chart | None = None
    contacts: Sequence[Contact] = ()
    waiting: IncreaseRequest | None = None

    @property
    def title(self) -> str:
        """Whose budget it is."""
        return f"Budget {self.standing.bound.label}"

    @property
    def width(self) -> int:
        """The filled part of its bar, in percent."""
        return min(100, self.standing.percent)

    @property
    def state(self) -> str:
        """The colour of its bar: full, near or free."""
        percent = self.standing.percent
        return "full" if percent >= 100 else "near" if percent >= NEAR else "free"

    @property
    def spent(self) -> str:
        """How much of it is spent."""
        return spent_of(self.standing)

    @property
    def left(self) -> str:
        """What is left, or by how much it is exceeded, and what is held."""
        found = self.standing
        if found.overdraft:
            return f"{dollars(found.overdraft)} more than the limit was spent"
        held = f"; {dollars(found.drawn)} more is held for requests that are under way" if found.drawn else ""
        return f"{dollars(found.left)} left{held}"

    @property
    def raised(self) -> str:
        """What was added for this window, empty where nothing was."""
        if not self.standing.raised:
            return ""
        until = "for this period alone" if self.standing.resets_at else "to the amount"
        return f"{dollars(self.standing.raised)} of the limit was added {until}."

    @property
    def reset(self) -> str:
        """When it begins anew."""
        if self.standing.resets_at is None:
            return "never: it is an amount in total"
        at = self.standing.resets_at
        return f"{moment(at, self.standing.bound.zone)}, {times.distance(at)}"

    @property
    def cap(self) -> str:
        """What happens at the limit."""
        if not self.standing.budget.hard:
            return "Requests go on: this budget only warns."
        until = "until it resets or is raised" if self.standing.resets_at else "until it is raised"
        return f"Requests that do not fit are refused with 429 {until}."

    @property
    def whose_requests(self) -> str:
        """Which requests are paid from it."""
        budget = self.standing.budget
        if budget.key_id is not None:
            return "requests with this key"
        if budget.team_id is not None:
            return "requests with all keys of the team together"
        if budget.user_id is not None:
            return "requests with all your keys together, in every team"
        return "requests with all your keys in this team together"

    @property
    def models(self) -> list[str]:
        """The models that count, empty for all."""
        return self.standing.budget.model_names.split()

    @property
    def pace(self) -> str:
        """When nothing is left."""
        return "" if self.burn is None else pace_of(self.standing, self.burn.per_day, self.burn.runs_out_at)

    @property
    def days(self) -> list[tuple[date, Decimal]]:
        """What was spent until the end of each day, for the table below the curve."""
        return [] if self.burn is None else list(zip(self.burn.days, self.burn.spent, strict=True))

    def limit(self) -> Limit:
        """Returns it as one of the limits of a key."""
        return Limit(self.title, self.spent, f"{self.left}. Resets: {self.reset}. {self.cap}")


def of_person(person: User) -> list[Shown]:
    """Returns every budget that binds a person, those nearest to their limits first."""
    return described(person, standing.of_person(person))


def described(person: User, bounds: Sequence[Bound]) -> list[Shown]:
    """Returns budgets for a page that `person` reads, those nearest to their limits first."""
    now = timezone.now()
    asked = IncreaseRequest.objects.filter(user=person, state=IncreaseRequest.State.OPEN)
    waiting = {row.budget_id: row for row in asked} if bounds else {}
    teams = {bound.team.pk if bound.team is not None else None for bound in bounds}
    whom = {team_id: contacts.for_teams(person, [team_id]) for team_id in teams}
    found = []
    for one in standing.now(bounds, now):
        burn = pace.of(one, now)
        team_id = one.bound.team.pk if one.bound.team is not None else None
        # A day has one point.
        drawn = None if one.budget.period == Budget.Period.DAY else chart.of(one, burn, now)
        found.append(Shown(one, burn, drawn, whom[team_id], waiting.get(one.budget.pk)))
    return sorted(found, key=lambda shown: (-shown.standing.percent, shown.title))


def as_limits(bounds: Iterable[Bound]) -> list[Limit]:
    """Returns budgets as rows of a table of limits; one that says so where there are none. One query."""
    return [Shown(one).limit() for one in standing.now(list(bounds))] or [_NONE]


def spent_of(found: Standing) -> str:
    """Returns how much of a budget is spent: `$45.00 of $50.00 a month spent (90 %)`."""
    period = found.budget.get_period_display()
    return f"{dollars(found.spent)} of {dollars(found.limit)} {period} spent ({found.percent:,} %)"


def pace_of(found: Standing, per_day: Decimal, runs_out_at: datetime | None) -> str:
    """Returns when nothing is left, at the pace of the last days."""
    if found.spent >= found.limit:
        return "It is used up."
    if not per_day:
        return f"Nothing was spent in the last {pace.DAYS} days."
    at_pace = f"At the pace of the last {pace.DAYS} days, {dollars(per_day)} a day, it"
    if runs_out_at is not None:
        local = runs_out_at.astimezone(ZoneInfo(found.bound.zone))
        return f"{at_pace} runs out on {local:%Y-%m-%d}."
    return f"{at_pace} lasts until it resets." if found.resets_at is not None else f"{at_pace} lasts over a year."


def moment(at: datetime, zone: str) -> str:
    """Returns a time of a zone, with its name: `2026-04-01 00:00 (Europe/Berlin)`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
