"""The admin's home: figures of today and of 30 days, each linked to its rows, and notices about the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from access.connect import base_url
from access.models import ClientKey
from access.permissions import Person, may
from providers.models import Model, Provider
from proxysite.console import charts, notices
from routing.models import Route
from usage.admin.filters import attempts_url, rows_url
from usage.reports import formatting, groups, query, totals
from usage.reports.query import Period
from usage.reports.totals import Axis, Line, Totals
from usage.rollups.measures import REPORTED, Measure

DAYS = 30
_TOKEN_CARDS = tuple(measure for measure in REPORTED if measure.card)


class Step(msgspec.Struct, frozen=True):
    """One of the first steps, with a link to where it is done for those who may do it."""

    text: str
    url: str
    done: bool


class Figure(msgspec.Struct, frozen=True):
    """A formatted number, its full form for the tooltip, and a link to its rows."""

    text: str
    full: str
    url: str


class Card(msgspec.Struct, frozen=True):
    """A measure: today's figure and that of 30 days; `note` is about rows that the sum leaves out."""

    title: str
    today: Figure
    month: Figure
    note: Figure | None = None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Returns the context of templates/admin/index.html; UNFOLD's DASHBOARD_CALLBACK."""
    context |= {"title": "Home", "notices": notices.notices(request.user)}
    context["may_see_usage"] = may(request.user, "usage.view_requestlog")
    if not context["may_see_usage"]:
        return context | {"sees_nothing": not context["available_apps"]}
    if not query.any_usage():
        return context | {
            "first_steps": first_steps(request.user),
            "base_url": base_url(request),
            "secret": "YOUR-CLIENT-KEY",
        }
    measure = request.GET.get("by", "")
    measure = measure if measure in charts.MEASURES else "requests"
    month = query.last_days(DAYS)
    lines, in_utc = query.daily(month), groups.last_utc_days(DAYS)
    return context | {
        "cards": cards(lines, query.last_days(1), month),
        "days": DAYS,
        "measures": [
            {"title": title, "link": f"?by={name}", "active": name == measure}
            for name, title in charts.MEASURES.items()
        ],
        "chart_options": charts.options(),
        "panels": [
            panel(lines, month, "model", measure),
            panel(lines, month, "team", measure),
            panel(groups.provider_days(in_utc), in_utc, "provider", measure),
        ],
        "report_url": reverse("console:report"),
    }


def first_steps(person: Person) -> list[Step]:
    """The steps from an empty installation to the first request, of which somebody may see how far they are."""
    return [
        step if may(person, f"{app}.add_{model}") else msgspec.structs.replace(step, url="")
        for (app, model), step in _all_steps().items()
        if may(person, f"{app}.view_{model}")
    ]


def _all_steps() -> dict[tuple[str, str], Step]:
    now = timezone.now()
    live = ClientKey.objects.filter(revoked_at__isnull=True, team__enabled=True).exclude(expires_at__lte=now)
    return {
        ("providers", "provider"): Step(
            "Add a provider with its base URL and credential",
            reverse("admin:providers_provider_add"),
            Provider.objects.filter(enabled=True).exists(),
        ),
        ("providers", "model"): Step(
            "Add a model to it",
            reverse("admin:providers_model_add"),
            Model.objects.filter(enabled=True, provider__enabled=True).exists(),
        ),
        ("routing", "route"): Step(
            "Create a route with the model as a candidate",
            reverse("admin:routing_route_add"),
            Route.objects.filter(enabled=True, candidates__enabled=True).exists(),
        ),
        ("access", "clientkey"): Step(
            "Create a client key; its page shows the lines to paste",
            reverse("admin:access_clientkey_add"),
            live.exists(),
        ),
    }


def cards(lines: Sequence[Line], today: Period, month: Period) -> tuple[list[Card], list[Card]]:
    """The two rows of cards: requests, errors, cost and time to first token; then the four kinds of tokens."""
    of = {today: totals.summed(line for line in lines if line.day == today.last), month: totals.summed(lines)}
    waits = {period: query.first_token_percentiles(period) for period in (today, month)}

    def both(title: str, figure: Any, note: Figure | None = None) -> Card:
        return Card(title, figure(today), figure(month), note)

    def tokens(measure: Measure) -> Any:
        def figure(period: Period) -> Figure:
            number = getattr(of[period], measure.total)
            return Figure(formatting.tokens(number), formatting.count(number), rows_url(period, known=measure.name))

        return figure

    def wait(rank: int) -> Any:
        def figure(period: Period) -> Figure:
            text = formatting.milliseconds(waits[period][rank])
            return Figure(text, text, rows_url(period, known="time_to_first_token_ms"))

        return figure

    first = [
        both("Requests", lambda p: _plain(of[p].requests, rows_url(p))),
        both("Errors", lambda p: _plain(of[p].errors, rows_url(p, outcomes=query.ERRORS))),
        both("Cost", lambda p: _money(of[p], rows_url(p, known="cost")), _unpriced(of[month], month)),
        both("First token, p50", wait(0)),
        both("First token, p95", wait(1)),
    ]
    second = [both(measure.card, tokens(measure)) for measure in _TOKEN_CARDS]
    return first, second


def panel(lines: Sequence[Line], period: Period, axis: Axis, measure: str) -> dict[str, Any]:
    """A chart by day, stacked by `axis`, with the table that serves as its legend."""
    series = charts.series_of(totals.by_axis(lines, axis), axis, measure)
    demos = notices.demo_names()
    return {
        "title": f"{_measured(axis, measure)} by {axis}",
        "axis": axis,
        "counted": "Attempts" if axis == "provider" else "Requests",
        "note": groups.PROVIDERS.note if axis == "provider" else "",
        "chart": charts.stacked(period, totals.by_day(lines, axis), series, axis, measure),
        "rows": [
            {
                "series": one,
                "url": _url(one, axis, period),
                "is_demo": one.line.provider_name in demos,
            }
            for one in series
        ],
    }


def _measured(axis: Axis, measure: str) -> str:
    return "Attempts" if (axis, measure) == ("provider", "requests") else charts.MEASURES[measure]


def _url(series: charts.Series, axis: Axis, period: Period) -> str:
    if axis == "provider":
        return attempts_url(period, provider=series.line.provider_name)
    if axis == "team":
        return rows_url(period, team=series.line.team_id)
    return rows_url(period, provider=series.line.provider_name, model=series.line.model_name)


def _plain(number: int, url: str) -> Figure:
    return Figure(formatting.count(number), formatting.count(number), url)


def _money(totals: Totals, url: str) -> Figure:
    full = formatting.UNKNOWN if totals.cost is None else f"${totals.cost.normalize():f}"
    return Figure(formatting.dollars(totals.cost), full, url)


def _unpriced(totals: Totals, period: Period) -> Figure | None:
    if not totals.unpriced:
        return None
    text = f"{formatting.count(totals.unpriced)} without a price"
    return Figure(
        text,
        "Completed requests of unknown cost. Enter prices for their models.",
        rows_url(period, known="unpriced"),
    )
