"""What was used, of somebody's own and of a team's: figures of today and this month, and the page with those of one
period by model, key and member. All of it is added up from rollups that `visible` lets the person see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from access.models import ClientKey, Team
from access.roles.scope import visible
from proxysite.my import scope
from proxysite.my.site import page as render
from usage.reports import formatting, query
from usage.reports.query import Period
from usage.reports.totals import Totals

PERIODS = {"today": "Today", "month": "This month", "last": "Last month", "30": "30 days"}


class Card(msgspec.Struct, frozen=True):
    """A figure of today and of this month, with their full forms."""

    title: str
    today: str
    month: str
    full_today: str
    full_month: str


class Table(msgspec.Struct, frozen=True):
    """Totals by something, the dearest first."""

    heading: str
    rows: list[tuple[Any, str, Totals]]

    @property
    def title(self) -> str:
        """The title of its card."""
        return f"By {self.heading.lower()}"


def period_of(name: str) -> Period:
    """Returns the days of one of PERIODS, this month's for any other name."""
    month = query.this_month()
    if name == "today":
        return query.last_days(1)
    if name == "30":
        return query.last_days(30)
    if name == "last":
        last = month.first - timedelta(days=1)
        return Period(last.replace(day=1), last)
    return month


def own(person: User, period: Period) -> QuerySet[Any]:
    """Returns the rollups of a person's own keys."""
    return visible(person, query.keyed(period).filter(owner_id=person.pk))


def of_team(person: User, team: Team, period: Period) -> QuerySet[Any]:
    """Returns the rollups of a team's keys."""
    return visible(person, query.keyed(period).filter(team_id=team.pk))


def of_key(person: User, key: ClientKey, period: Period) -> QuerySet[Any]:
    """Returns the rollups of a key."""
    return visible(person, query.keyed(period).filter(key_id=key.pk))


def cards(today: QuerySet[Any], month: QuerySet[Any]) -> list[Card]:
    """Returns the figures, the cost first."""
    one, other = query.summed(today), query.summed(month)
    found = [
        Card("Cost", *map(formatting.dollars, (one.cost, other.cost)), *map(_exact, (one, other))),
        _counts("Requests", one.requests, other.requests),
        _counts("Errors", one.errors, other.errors),
    ]
    for title, name in (("Input", "input"), ("Cache read", "cache_read"), ("Output", "output")):
        found.append(_tokens(f"{title} tokens", getattr(one, name), getattr(other, name)))
    return found


def tables(rows: QuerySet[Any], *, with_owners: bool = False) -> list[Table]:
    """Returns the usage by model and by key, for a team by member as well."""
    by_owner = [Table("Member", query.grouped(rows, "owner_id", "owner_name"))] if with_owners else []
    return [
        *by_owner,
        Table("Model", query.grouped(rows, "model_name", "model_name")),
        Table("Key", query.grouped(rows, "key_id", "key_name")),
    ]


def _counts(title: str, today: int, month: int) -> Card:
    texts = formatting.count(today), formatting.count(month)
    return Card(title, *texts, *texts)


def _tokens(title: str, today: int | None, month: int | None) -> Card:
    full = formatting.count(today), formatting.count(month)
    return Card(title, formatting.tokens(today), formatting.tokens(month), *full)


def _exact(totals: Totals) -> str:
    exact = formatting.UNKNOWN if totals.cost is None else f"${totals.cost.normalize():f}"
    missing = f"; {formatting.count(totals.unpriced)} answers without a price" if totals.unpriced else ""
    return exact + missing


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows what the person's own keys used."""
    person = scope.person_of(request)
    period = period_of(request.GET.get("period", ""))
    rows = own(person, period)
    return render(
        request, "my/usage.html", "My usage", period=period, periods=_choices(request),
        totals=query.summed(rows), tables=tables(rows), requests_url=reverse("my:requests"),
    )  # fmt: skip


@require_safe
def team_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows what a team's keys used."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    period = period_of(request.GET.get("period", ""))
    rows = of_team(person, team, period)
    return render(
        request, "my/usage.html", f"Usage of {team}", team=team, period=period, periods=_choices(request),
        totals=query.summed(rows), tables=tables(rows, with_owners=True),
        requests_url=reverse("my:team-requests", args=[team.pk]),
    )  # fmt: skip


def _choices(request: HttpRequest) -> list[tuple[str, str, bool]]:
    chosen = request.GET.get("period", "")
    chosen = chosen if chosen in PERIODS else "month"
    return [(name, label, name == chosen) for name, label in PERIODS.items()]
