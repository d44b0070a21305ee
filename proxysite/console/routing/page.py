"""Routing on one page: the phases in the order in which they decide, and what can never match."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from proxysite.console.routing.phases import SHOWN, Overview
from usage.reports.decisions import decisions

_DAYS = 7


@require_safe
@permission_required("routing.view_route", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The phases; how often each matched is for those who may see usage."""
    sees_usage = request.user.has_perm("usage.view_requestlog")
    decided = decisions(timezone.now() - timedelta(days=_DAYS)) if sees_usage else None
    overview = Overview(request, decided)
    never = overview.never()
    context = {
        **admin.site.each_context(request),
        "title": "Order of decisions",
        "phases": overview.phases(),
        "never": never[:SHOWN],
        "more_never": max(0, len(never) - SHOWN),
        "decided": decided,
        "days": _DAYS,
        "total": overview.counts.total if overview.counts is not None else None,
        "undecided": overview.counts.of_phase("") if overview.counts is not None else None,
    }
    return TemplateResponse(request, "console/routing/page.html", context)
