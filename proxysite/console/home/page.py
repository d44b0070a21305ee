"""The context of home."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from access.permissions import may
from proxysite.console import notices, ranges
from proxysite.console.explorer import shown
from proxysite.console.explorer.state import State
from proxysite.console.guide.page import for_home as guide_for_home
from proxysite.console.home.figures import figures
from proxysite.console.home.parts import recent_failures, strip
from proxysite.console.home.top import now, top
from proxysite.console.ranges import Range
from usage.reports import pulse, query
from usage.reports.explore.answer import CannotAnswer, answer
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import GROUPS, Question, automatic_bucket

METRIC_CHOICES = ("cost", "requests", "tokens", "error_rate")
GROUP_CHOICES = ("model", "provider", "route", "team", "key", "outcome")
LINES = 5


def index(request: HttpRequest) -> HttpResponseBase:
    """Shows home; with status 400 where its range cannot be read."""
    response: HttpResponseBase = admin.site.admin_view(admin.site.index)(request)
    if isinstance(response, TemplateResponse) and (response.context_data or {}).get("ranges", {}).get("error"):
        response.status_code = 400
    return response


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Returns the context of templates/admin/index.html; UNFOLD's DASHBOARD_CALLBACK."""
    context |= {"title": "Home", "may_see_usage": may(request.user, "usage.view_requestlog")}
    if not context["may_see_usage"]:
        return context | {"notices": notices.notices(request.user), "sees_nothing": not context["available_apps"]}
    any_usage = query.any_usage()
    context["guide"] = guide_for_home(request, any_usage=any_usage)
    context["notices"] = notices.notices(request.user, guided=context["guide"] is not None)
    if not any_usage and context["guide"] is not None:
        return context
    try:
        chosen = ranges.read(request.GET)
    except ranges.WrongRange as error:
        return context | {"has_usage": True, "ranges": ranges.widget(None, request.GET, error=str(error))}
    before = chosen.before()
    day, demos = Range(*pulse.day_until(chosen.until)), notices.demo_names()
    return context | {
        "has_usage": True,
        "ranges": ranges.widget(chosen, request.GET),
        "before": before.title,
        "at": now(),
        "figures": figures(pulse.pulse(chosen.since, chosen.until, (before.since, before.until)), chosen),
        "chart": _chart(request, chosen),
        "tops": [top(request.user, chosen, group) for group in ("team", "key")],
        "failures": recent_failures(chosen),
        "providers": [strip(one, day, demos) for one in pulse.providers(day.since, day.until)],
    }


def _chart(request: HttpRequest, chosen: Range) -> dict[str, Any]:
    """Returns the one chart, of a metric by a group, with the table that is its legend."""
    metric = _one_of(METRIC_CHOICES, request.GET.get("metric", ""))
    group = _one_of(GROUP_CHOICES, request.GET.get("group", ""))
    question = Question(chosen.since, chosen.until, metric, group, limit=LINES)
    question = msgspec.structs.replace(question, bucket=automatic_bucket(question))
    asked = State(chosen, question, "")
    choices = {
        "metrics": _choices(request, "metric", {name: METRICS[name].title for name in METRIC_CHOICES}, metric),
        "groups": _choices(request, "group", {name: GROUPS[name].title for name in GROUP_CHOICES}, group),
        "explorer": f"{reverse('console:explorer')}{asked.url()}",
    }
    try:
        found = answer(question)
    except CannotAnswer as error:
        return choices | {"problem": str(error)}
    kind, data = shown.chart(found)
    return choices | {
        "title": f"{METRICS[metric].title} by {GROUPS[group].title.lower()}",
        "kind": kind,
        "data": data,
        "options": shown.options(kind),
        "adds_up": METRICS[metric].adds_up,
        "heading": GROUPS[group].title,
        "metric": METRICS[metric].title,
        "rows": _marked(shown.rows(found, asked)) if group == "provider" else shown.rows(found, asked),
        "more": max(0, found.groups - len(found.lines)),
    }


def _choices(request: HttpRequest, name: str, titles: dict[str, str], chosen: str) -> list[dict[str, Any]]:
    found = []
    for value, title in titles.items():
        parameters = request.GET.copy()
        parameters[name] = value
        found.append({"title": title, "url": f"?{parameters.urlencode()}", "active": value == chosen})
    return found


def _one_of(known: tuple[str, ...], value: str) -> str:
    return value if value in known else known[0]


def _marked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns lines of providers with those of demos marked."""
    demos = notices.demo_names()
    return [row | {"is_demo": row["name"] in demos} for row in rows]
