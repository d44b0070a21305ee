"""The page of the explorer, and its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from access.audit import record
from proxysite.console import csv_file, ranges, xlsx_file
from proxysite.console.explorer import shown, state
from proxysite.console.explorer.state import State
from usage.reports import totals
from usage.reports.explore.answer import Answer, CannotAnswer, Line, answer
from usage.reports.explore.metrics import METRICS, Unit
from usage.reports.explore.question import BUCKETS, GROUPS, LIMITS
from usage.reports.spreadsheet import cell

_PRESETS = (
    ("Cost by team, this month", "?range=month&metric=cost&group=team"),
    ("Cost by key, this month", "?range=month&metric=cost&group=key"),
    ("Models", "?range=30d&metric=requests&group=provider&subgroup=model&rank=cost"),
    ("Who is refused", "?range=7d&metric=refused&group=team&subgroup=key"),
    ("First token by model", "?range=7d&metric=first_token_p95&group=model"),
    ("Tags", "?range=30d&metric=cost&group=tags&subgroup=team"),
)
_FORMATS: Final[dict[Unit, str]] = {
    "money": xlsx_file.DOLLARS, "count": xlsx_file.COUNT, "share": xlsx_file.SHARE, "milliseconds": xlsx_file.COUNT,
}  # fmt: skip


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The chart and the table of a question."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Explorer",
        "presets": [{"title": title, "url": url} for title, url in _PRESETS],
        "metrics": [(name, metric.title) for name, metric in METRICS.items()],
        "groups": [(name, group.title) for name, group in GROUPS.items()],
        "buckets": BUCKETS.items(),
        "limits": LIMITS,
    }
    try:
        chosen = state.read(request.GET)
        found = answer(chosen.question)
    except ranges.WrongRange as error:
        context["ranges"] = ranges.widget(None, request.GET, error=str(error))
        return TemplateResponse(request, "console/explorer.html", context, status=400)
    except (state.WrongQuestion, CannotAnswer) as error:
        context |= {"ranges": _range(request), "error": str(error), "form": request.GET}
        return TemplateResponse(request, "console/explorer.html", context, status=400)
    kind, data = shown.chart(found)
    question = chosen.question
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
        "heading": ", ".join(GROUPS[name].title for name in question.by),
        "rows": shown.rows(found, chosen),
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
    """The lines of the page as CSV, JSON or XLSX: exact values, a column or member for each bucket."""
    try:
        chosen = state.read(request.GET)
        found = answer(chosen.question)
    except (ranges.WrongRange, state.WrongQuestion, CannotAnswer) as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    record("usage exported", changes={"explorer": chosen.url()})
    if format == "json":
        response = JsonResponse(_document(found, chosen), json_dumps_params={"indent": 1, "default": str})
        response["Content-Disposition"] = 'attachment; filename="usage.json"'
        return response
    if format == "xlsx":
        return xlsx_file.response(request, "usage.xlsx", _header(found), _values(found), _formats(found))
    return csv_file.response(request, "usage.csv", csv_file.blocks(_header(found), _records(found)))


def _range(request: HttpRequest) -> dict[str, Any]:
    try:
        return ranges.widget(ranges.read(request.GET, state.STANDARD_RANGE), request.GET)
    except ranges.WrongRange as error:
        return ranges.widget(None, request.GET, error=str(error))


def _header(found: Answer) -> list[str]:
    buckets = [shown.bucket_label(found.question, start) for start in found.starts]
    return [*(found.question.by or ("all",)), "requests", found.question.metric, *buckets]


def _lines(found: Answer) -> list[Line]:
    return [*(found.lines or [found.whole]), *([found.others] if found.others is not None else [])]


def _values(found: Answer) -> Iterator[list[Any]]:
    width = max(1, len(found.question.by))
    for line in _lines(found):
        yield [*line.labels, *[""] * (width - len(line.labels)), line.requests, line.total, *line.values]


def _records(found: Answer) -> Iterator[list[Any]]:
    for values in _values(found):
        yield [cell(value) if isinstance(value, str) else _exact(value) for value in values]


def _formats(found: Answer) -> list[str]:
    unit = _FORMATS[METRICS[found.question.metric].unit]
    return [*("",) * max(1, len(found.question.by)), xlsx_file.COUNT, unit, *[unit] * len(found.starts)]


def _document(found: Answer, chosen: State) -> dict[str, Any]:
    question = found.question
    return {
        "from": chosen.range.since.isoformat(),
        "to": chosen.range.until.isoformat(),
        "metric": question.metric,
        "unit": METRICS[question.metric].unit,
        "by": list(question.by),
        "bucket": question.bucket,
        "buckets": [start.isoformat() for start in found.starts],
        "lines": [
            {
                "names": dict(zip(question.by, line.labels, strict=False)) if line.key is not None else None,
                "requests": line.requests,
                "total": _exact(line.total),
                "values": [_exact(value) for value in line.values],
            }
            for line in _lines(found)
        ],
        "whole": {"requests": found.whole.requests, "total": _exact(found.whole.total)},
        "unpriced": found.unpriced,
    }


def _exact(value: Any) -> Any:
    """Amounts are exact decimals as text; what is unknown is None."""
    return totals.exact(value)
