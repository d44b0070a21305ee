"""The usage report: one line per day, team and model, with totals and filters; also as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from access.audit import record
from access.validation import validate_year
from proxysite.console import csv_file, notices
from usage.admin.filters import rows_url
from usage.reports import formatting, groups, query, totals
from usage.reports.query import Period, Selection
from usage.reports.spreadsheet import cell
from usage.reports.totals import Line, Totals
from usage.rollups.measures import REPORTED

PER_PAGE = 100
LONGEST_DAYS = 400
WRONG_DAYS = f"Choose a day on or after the first one, at most {LONGEST_DAYS} days later."
_MEASURES = tuple(measure for measure in REPORTED if measure.report)
COLUMNS = ("day", "team_id", "team", "provider", "model", *(measure.csv or measure.name for measure in _MEASURES))


class SpanForm(forms.Form):
    """A span of days, both included."""

    first = forms.DateField(
        label="From", required=False, validators=[validate_year], widget=UnfoldAdminSingleDateWidget()
    )
    last = forms.DateField(label="To", required=False, validators=[validate_year], widget=UnfoldAdminSingleDateWidget())

    def clean(self) -> dict[str, Any]:
        """Refuses days in the wrong order, and more than the report can hold."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and data.get("last") and period_of(self.data) is None:
            self.add_error("last", WRONG_DAYS)
        return data


class ReportForm(SpanForm):
    """The filters: a span of days, and optionally a team and a model."""

    team = forms.TypedChoiceField(coerce=int, empty_value=None, required=False, widget=UnfoldAdminSelectWidget())
    model = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())

    def __init__(self, data: Any) -> None:
        standard = query.last_days(30)
        super().__init__({"first": standard.first, "last": standard.last, **{k: v for k, v in data.items() if v}})
        period = self.period() or standard
        teams, models = query.seen(period)
        self.fields["team"].choices = [("", "All teams"), *teams]  # type: ignore[attr-defined]
        self.models = {f"{provider}: {model}": (provider, model) for provider, model in models}
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            ("", "All models"),
            *((key, key if key != ": " else "(no model)") for key in self.models),
        ]

    def period(self) -> Period | None:
        """The period; None where its days are invalid, in the wrong order or too many."""
        return period_of(self.data)

    def selection(self) -> Selection:
        """The selection; call it on a valid form."""
        provider, model = self.models.get(self.cleaned_data["model"], (None, None))
        period = Period(self.cleaned_data["first"], self.cleaned_data["last"])
        return Selection(period, self.cleaned_data["team"], provider, model)


def period_of(data: Any) -> Period | None:
    """Returns the period between two days; None where they are invalid, in the wrong order or too far apart."""
    try:
        first, last = (forms.DateField(validators=[validate_year]).clean(data[name]) for name in ("first", "last"))
    except forms.ValidationError:
        return None
    return Period(first, last) if 0 <= (last - first).days < LONGEST_DAYS else None


def tabs(active: str) -> list[dict[str, Any]]:
    """Returns links to the reports; "" is the one by team and model."""
    titles = {name: grouping.title.removeprefix("Usage ") for name, grouping in groups.GROUPINGS.items()}
    return [
        {
            "title": title.capitalize(),
            "link": reverse("console:report-groups", args=[name]) if name else reverse("console:report"),
            "active": name == active,
        }
        for name, title in {"": "by team and model", **titles}.items()
    ]


@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The report as a table of 100 lines per page, with totals over all pages."""
    form = ReportForm(request.GET)
    context = {**admin.site.each_context(request), "title": "Usage report", "form": form, "tabs": tabs("")}
    if form.is_valid():
        selection, demos = form.selection(), notices.demo_names()
        pages: Any = Paginator(query.breakdown(selection), PER_PAGE).get_page(request.GET.get("page"))
        total, options = query.totals(selection), _options(selection)
        url, errors_url = (
            rows_url(selection.period, **options),
            rows_url(selection.period, outcomes=query.ERRORS, **options),
        )
        query_fields = [(name, form.data[name]) for name in ("first", "last", "team", "model") if form.data.get(name)]
        context |= {
            "rows": [
                {"line": line, "is_demo": line.provider_name in demos, **_linked(line)}
                for line in query.lines(pages.object_list)
            ],
            "pages": pages,
            "headings": [measure.report for measure in _MEASURES],
            "totals": total,
            "totals_url": url,
            "totals_cells": _cells(total, url, errors_url),
            "query": urlencode(query_fields),
        }
    return TemplateResponse(request, "console/usage_report.html", context)


@permission_required("usage.view_requestlog", raise_exception=True)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Streams the lines as CSV. Amounts are exact decimals; unknown values are empty."""
    form = ReportForm(request.GET)
    if not form.is_valid():
        return HttpResponse("The dates or filters are not valid.", status=400, content_type="text/plain; charset=utf-8")
    selection = form.selection()
    record("usage exported", changes={"first": selection.period.first, "last": selection.period.last})
    name = f"usage-{selection.period.first}-{selection.period.last}.csv"
    return csv_file.response(request, name, csv_blocks(query.lines(query.breakdown(selection))))


def csv_blocks(lines: Iterable[Line]) -> Iterator[bytes]:
    """The CSV file in blocks of lines, the header first."""
    return csv_file.blocks(COLUMNS, map(_record, lines))


def _record(line: Line) -> list[Any]:
    return [
        line.day,
        line.team_id,
        cell(line.team_name),
        cell(line.provider_name or ""),
        cell(line.model_name or ""),
        *(totals.exact(getattr(line.totals, measure.total)) for measure in _MEASURES),
    ]


def _cells(sums: Totals, url: str, errors_url: str) -> list[dict[str, str]]:
    """Returns what the page shows of each measure, with the way to its rows."""
    return [
        {
            "text": formatting.dollars(value) if measure.unit == "money" else formatting.count(value),
            "url": errors_url if measure.name == "errors" else url,
        }
        for measure in _MEASURES
        for value in [getattr(sums, measure.total)]
    ]


def _options(selection: Selection) -> dict[str, Any]:
    options: dict[str, Any] = {} if selection.team_id is None else {"team": selection.team_id}
    if selection.provider_name is not None:
        options |= {"provider": selection.provider_name, "model": selection.model_name}
    return options


def _linked(line: Line) -> dict[str, Any]:
    assert line.day is not None
    day = Period(line.day, line.day)
    options: dict[str, Any] = {"team": line.team_id, "provider": line.provider_name, "model": line.model_name}
    url, errors_url = rows_url(day, **options), rows_url(day, outcomes=query.ERRORS, **options)
    return {"url": url, "errors_url": errors_url, "cells": _cells(line.totals, url, errors_url)}
