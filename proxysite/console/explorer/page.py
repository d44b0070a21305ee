"""The page of the explorer, and its files."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from access.audit import record
from access.permissions import may
from proxysite.console import csv_file, ranges, xlsx_file
from proxysite.console.explorer import lines, shown, state, views
from proxysite.console.explorer.nearest import nearest
from usage.reports.explore.answer import CannotAnswer, answer
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import BUCKETS, GROUPS, LIMITS


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The chart and the table of a question."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Explorer",
        "metrics": [(name, metric.title) for name, metric in METRICS.items()],
        "groups": [(name, group.title) for name, group in GROUPS.items()],
        "buckets": BUCKETS.items(),
        "limits": LIMITS,
    }
    try:
        chosen = state.read(request.GET)
        found = answer(chosen.question)
    except ranges.WrongRange as error:
        context |= {
            "ranges": ranges.widget(None, request.GET, error=str(error)),
            "menu": views.menu(request, ""),
        }
        return TemplateResponse(request, "console/explorer.html", context, status=400)
    except (state.WrongQuestion, CannotAnswer) as error:
        context |= {
            "ranges": _range(request),
            "error": str(error),
            "form": {"group": "model", "limit": "10", **request.GET.dict()},
            "nearest": nearest(request.GET),
            "menu": views.menu(request, ""),
        }
        return TemplateResponse(request, "console/explorer.html", context, status=400)
    kind, data = shown.chart(found)
    context["menu"] = views.menu(request, chosen.url())
    if may(request.user, "usage.add_savedview"):
        context["view_form"] = views.ViewForm(person=request.user)
    question = chosen.question
    links = question.counts == "requests" or may(request.user, "usage.view_attemptlog")
    context |= {
        "ranges": ranges.widget(chosen.range, request.GET),
        "form": {
            "metric": question.metric, "group": question.group, "subgroup": question.subgroup, "bucket": chosen.bucket,
            "limit": question.limit, "rank": question.rank, "cumulative": question.cumulative,
        },
        "kept": [
            *chosen.range.pairs(),
            *((name, state.text_of(value)) for name, values in question.filters.items() for value in values),
        ],
        "chips": shown.chips(chosen),
        "answer": found,
        "metric": METRICS[question.metric],
        "metric_title": shown.metric_title(question),
        "counts": question.counts,
        "heading": ", ".join(GROUPS[name].title for name in question.by),
        "rows": shown.rows(found, chosen, links=links),
        "whole": shown.text(found.whole.total, METRICS[question.metric].unit),
        "chart_kind": kind,
        "chart": data,
        "chart_options": shown.options(kind),
        "query": chosen.url(),
        "more": max(0, found.groups - len(found.lines)),
    }  # fmt: skip
    return TemplateResponse(request, "console/explorer.html", context)


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def export(request: HttpRequest, format: str) -> HttpResponseBase:
    """Every line of a question as CSV, JSON or XLSX, not only the greatest that the page shows."""
    try:
        chosen = state.read(request.GET)
        found = answer(chosen.of_every_line(), measures=True)
    except (ranges.WrongRange, state.WrongQuestion, CannotAnswer) as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    record("usage exported", changes={"explorer": chosen.url()})
    name = f"usage.{format}"
    if format == "json":
        response = JsonResponse(lines.document(found), json_dumps_params={"indent": 1, "default": str})
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
    if format == "xlsx":
        return xlsx_file.response(name, lines.header(found), lines.values(found), lines.formats(found))
    return csv_file.response(request, name, csv_file.blocks(lines.header(found), lines.records(found)))


def _range(request: HttpRequest) -> dict[str, Any]:
    try:
        return ranges.widget(ranges.read(request.GET, state.STANDARD_RANGE), request.GET)
    except ranges.WrongRange as error:
        return ranges.widget(None, request.GET, error=str(error))
