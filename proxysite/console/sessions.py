"""Sessions: a list of those in a range of time, and a page for each with a lane per agent."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from proxysite.console import ranges
from usage.reports import formatting, sessions
from usage.reports.sessions import Session
from usage.rollups.models import SessionSummary

PER_PAGE = 50
_CHART_WIDTH, _CHART_HEIGHT = 1000, 80


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """The sessions whose last request is in the range, the last one first."""
    context = {**admin.site.each_context(request), "title": "Sessions"}
    try:
        chosen = ranges.read(request.GET)
    except ranges.WrongRange as error:
        context["ranges"] = ranges.widget(None, request.GET, ["before"], str(error))
        return TemplateResponse(request, "console/sessions.html", context, status=400)
    found = sessions.seen(chosen.since, chosen.until, PER_PAGE + 1, before=_place(request.GET.get("before", "")))
    shown = found[:PER_PAGE]
    older = ""
    if len(found) > PER_PAGE:
        last = shown[-1]
        place = f"{last.last_seen.timestamp():.6f}_{last.pk}"
        older = f"?{urlencode([*chosen.pairs(), ('before', place)])}"
    context |= {"ranges": ranges.widget(chosen, request.GET, ["before"]), "rows": shown, "older": older}
    return TemplateResponse(request, "console/sessions.html", context)


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """One session: lanes per agent, the cost as it grew, changes of the model, and what failed."""
    summary = SessionSummary.objects.filter(pk=session_id).first()
    if summary is None:
        raise Http404("There is no such session.")
    session = sessions.session(summary)
    context = {
        **admin.site.each_context(request),
        "title": "Session",
        "session": session,
        "sentence": sentence(session),
        "lanes": session.lanes(),
        "changes": session.changes(),
        "failures": session.failures(),
        "cost_line": _cost_line(session),
        "shown_cost": session.turns[-1].cost if session.turns else None,
        "chart": {"width": _CHART_WIDTH, "height": _CHART_HEIGHT},
    }
    return TemplateResponse(request, "console/session.html", context)


def sentence(session: Session) -> str:
    """Returns what a session was, in a sentence."""
    summary = session.summary
    requests = "1 request" if summary.requests == 1 else f"{summary.requests:,} requests"
    length = summary.last_seen - summary.first_seen
    took = f" over {formatting.milliseconds(round(length.total_seconds() * 1000))}" if summary.requests > 1 else ""
    agents = len(session.lanes())
    by = f" of {agents} agents" if agents > 1 else ""
    cost = "unknown cost" if summary.cost is None else formatting.dollars(summary.cost)
    failed = f", {summary.errors:,} of them failed or refused" if summary.errors else ""
    return f"{requests}{by}{took}{failed}; {cost}."


def _cost_line(session: Session) -> str:
    """Returns the points of an SVG line: how the cost of the turns that are shown grew."""
    total = session.turns[-1].cost if session.turns else 0
    if not total:
        return ""
    points = [(0.0, float(_CHART_HEIGHT))]
    for turn in session.turns:
        x = turn.left / 100 * _CHART_WIDTH
        points.append((x, points[-1][1]))
        points.append((x, _CHART_HEIGHT - float((turn.cost or 0) / total) * (_CHART_HEIGHT - 2)))
    points.append((float(_CHART_WIDTH), points[-1][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _place(text: str) -> tuple[datetime, UUID] | None:
    """Returns where the page before ended; None for text that is no place, which leads to the first page."""
    moment, _, identity = text.partition("_")
    try:
        return datetime.fromtimestamp(float(moment), timezone.get_default_timezone()), UUID(identity)
    except (ValueError, OverflowError, OSError):
        return None
