"""The usage report: one line per day, team and model, with totals and filters; also as CSV."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django import forms
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from proxysite.console import notices
from usage.admin.filters import rows_url
from usage.reports import formatting, query, totals
from usage.reports.query import Period, Selection
from usage.reports.spreadsheet import cell
from usage.reports.totals import Line, Totals
from usage.rollups.measures import REPORTED

PER_PAGE = 100
LONGEST_DAYS = 400
_MEASURES = tuple(measure for measure in REPORTED if measure.report)
COLUMNS = ("day", "team_id", "team", "provider", "model", *(measure.csv or measure.name for measure in _MEASURES))
_BLOCK = 200


class ReportForm(forms.Form):
    """The filters: a span of days, and optionally a team and a model."""

    first = forms.DateField(label="From", required=False, widget=UnfoldAdminSingleDateWidget())
    last = forms.DateField(label="To", required=False, widget=UnfoldAdminSingleDateWidget())
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
        try:
            first, last = (forms.DateField().clean(self.data[name]) for name in ("first", "last"))
        except forms.ValidationError:
            return None
        return Period(first, last) if 0 <= (last - first).days < LONGEST_DAYS and last < date.max else None

    def clean(self) -> dict[str, Any]:
        """Refuses days in the wrong order, and more than the report can hold."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and data.get("last") and self.period() is None:
            self.add_error("last", f"Choose a day on or after the first one, at most {LONGEST_DAYS} days later.")
        return data

    def selection(self) -> Selection:
        """The selection; call it on a valid form."""
        provider, model = self.models.get(self.cleaned_data["model"], (None, None))
        period = Period(self.cleaned_data["first"], self.cleaned_data["last"])
        return Selection(period, self.cleaned_data["team"], provider, model)


@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The report as a table of 100 lines per page, with totals over all pages."""
    form = ReportForm(request.GET)
    context = {**admin.site.each_context(request), "title": "Usage report", "form": form}
    if form.is_valid():
        selection, demos = form.selection(), notices.demo_names()
        lines = list(query.lines(query.breakdown(selection)))
        pages = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
        total, options = totals.summed(lines), _options(selection)
        url, errors_url = (
            rows_url(selection.period, **options),
            rows_url(selection.period, outcomes=query.ERRORS, **options),
        )
        query_fields = [(name, form.data[name]) for name in ("first", "last", "team", "model") if form.data.get(name)]
        context |= {
            "rows": [
                {"line": line, "is_demo": line.provider_name in demos, **_linked(line)} for line in pages.object_list
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
    blocks = csv_blocks(query.lines(query.breakdown(selection)))
    content = _lazily(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    name = f"usage-{selection.period.first}-{selection.period.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def csv_blocks(lines: Iterable[Line]) -> Iterator[bytes]:
    """The CSV file in blocks of lines, the header first."""
    written: list[str] = []

    class Sink:
        def write(self, text: str) -> None:
            written.append(text)

    writer = csv.writer(Sink())
    writer.writerow(COLUMNS)
    remaining = iter(lines)
    while True:
        block = list(islice(remaining, _BLOCK))
        writer.writerows(map(_record, block))
        yield "".join(written).encode()
        written.clear()
        if len(block) < _BLOCK:
            return


async def _lazily(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Under ASGI Django would read a plain iterator to its end before it sends the first byte.
    def next_block() -> bytes | None:
        return next(blocks, None)

    while (block := await sync_to_async(next_block)()) is not None:
        yield block


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
