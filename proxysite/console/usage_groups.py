"""Usage by provider and the like: a line a group over the chosen days, with totals; as CSV a line a group and day."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse

from access.audit import record
from access.permissions import may
from proxysite.console import csv_file, usage_report
from usage.admin.filters import attempts_url
from usage.reports import formatting, groups, query, totals
from usage.reports.groups import Group, Grouping
from usage.reports.query import Period
from usage.reports.spreadsheet import cell
from usage.rollups.measures import REPORTED

_MEASURES = tuple(measure for measure in REPORTED if measure.report)


class DaysForm(usage_report.SpanForm):
    """A span of days; the last 30 where none is given."""

    def __init__(self, data: Any, grouping: Grouping) -> None:
        standard = groups.last_utc_days(30) if grouping.in_utc else query.last_days(30)
        super().__init__({"first": standard.first, "last": standard.last, **{k: v for k, v in data.items() if v}})

    def period(self) -> Period:
        """The days; call it on a valid form."""
        return Period(self.cleaned_data["first"], self.cleaned_data["last"])


@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest, name: str) -> HttpResponse:
    """The groups of the chosen days, 100 per page, the dearest first, with totals over all pages."""
    grouping = _grouping(name)
    form = DaysForm(request.GET, grouping)
    context = {
        **admin.site.each_context(request), "title": grouping.title, "form": form, "grouping": grouping, "name": name,
        "tabs": usage_report.tabs(name),
    }  # fmt: skip
    if form.is_valid():
        period = form.period()
        may_see = may(request.user, "usage.view_attemptlog")
        pages: Any = Paginator(groups.over(grouping, period), usage_report.PER_PAGE).get_page(request.GET.get("page"))
        context |= {
            "headings": [_heading(grouping, measure) for measure in _MEASURES],
            "rows": [
                {
                    "values": shown(grouping, group),
                    "cells": _cells(group.totals),
                    "url": _url(grouping, group, form) if may_see else "",
                }
                for group in groups.lines(grouping, pages.object_list)
            ],
            "pages": pages,
            "totals_cells": _cells(groups.total(grouping, period)),
            "query": urlencode([(part, form.data[part]) for part in ("first", "last")]),
        }
    return TemplateResponse(request, "console/usage_groups.html", context)


@permission_required("usage.view_requestlog", raise_exception=True)
def export(request: HttpRequest, name: str) -> HttpResponse | StreamingHttpResponse:
    """The lines of each day as CSV. Amounts are exact decimals; unknown values are empty."""
    grouping = _grouping(name)
    form = DaysForm(request.GET, grouping)
    if not form.is_valid():
        return HttpResponse("The dates are not valid.", status=400, content_type="text/plain; charset=utf-8")
    period = form.period()
    record("usage exported", changes={"report": name, "first": period.first, "last": period.last})
    counts = (grouping.counted if measure.name == "requests" else measure.csv or measure.name for measure in _MEASURES)
    header = ("day", *(column.csv for column in grouping.columns), *counts)
    found = groups.lines(grouping, groups.by_day(grouping, period))
    content = csv_file.blocks(header, (_record(grouping, group) for group in found))
    return csv_file.response(request, f"{name}-{period.first}-{period.last}.csv", content)


def shown(grouping: Grouping, group: Group) -> list[Any]:
    """Returns what is shown of the columns that lines are grouped by."""
    return [group.values[column.name] for column in grouping.columns]


def _url(grouping: Grouping, group: Group, form: DaysForm) -> str:
    """Returns the URL of a line's rows."""
    if grouping is not groups.PROVIDERS:
        return ""
    values = group.values
    parts = {name: values[f"{name}_name"] for name in ("provider", "credential", "model")}
    return attempts_url(form.period(), **parts)


def _record(grouping: Grouping, group: Group) -> list[Any]:
    names = (cell(value) if isinstance(value, str) else value for value in shown(grouping, group))
    return [group.day, *names, *(totals.exact(getattr(group.totals, measure.total)) for measure in _MEASURES)]


def _grouping(name: str) -> Grouping:
    if name not in groups.GROUPINGS:
        raise Http404
    return groups.GROUPINGS[name]


def _heading(grouping: Grouping, measure: Any) -> str:
    return grouping.heading if measure.name == "requests" else measure.report


def _cells(of: totals.Totals) -> list[str]:
    values = [(measure, getattr(of, measure.total)) for measure in _MEASURES]
    return [
        formatting.dollars(value) if measure.unit == "money" else formatting.count(value) for measure, value in values
    ]
