"""Chargeback: what each tag has used in a month, as a page and as files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import msgspec
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from access.audit import record
from access.models import Team
from proxysite.console import csv_file, xlsx_file
from proxysite.console.explorer import state
from proxysite.console.ranges import Range
from proxysite.console.statements.months import month_of
from usage.reports import totals
from usage.reports.chargeback import Chargeback, Kind, Line, chargeback
from usage.reports.explore.question import Question
from usage.reports.rows.filters import id_in
from usage.reports.spreadsheet import cell
from usage.rollups.accumulate import midnight, month_after
from usage.statements import overview

VIEW = "usage.view_requestlog"
HEADER: Final = (
    *("month", "prefix", "tag", "kind", "claimed", "requests", "unpriced"),
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd", "share_of_cost"),
)
_FORMATS: Final = (
    *("", "", "", "", ""),
    *([xlsx_file.COUNT] * 6),
    xlsx_file.DOLLARS,
    xlsx_file.SHARE,
)
SHOWN: Final = 500
"""Lines on a page; files have all."""
_MOST_SETS = 50
"""Sets of tags that a link to the explorer names: a URL has an end."""
_NAMES: Final = {
    Kind.SEVERAL: "(several)",
    Kind.NONE: "(untagged)",
    Kind.OTHERS: "(all other claims)",
    Kind.UNKNOWN: "(unknown)",
}


class _Asked(msgspec.Struct, frozen=True):
    """What the URL asks for."""

    month: date
    prefix: str
    claims: bool
    team_id: int | None

    @property
    def range(self) -> Range:
        """The month in TIME_ZONE."""
        return Range(midnight(self.month), midnight(month_after(self.month)))

    def url(self, **changes: Any) -> str:
        """Returns the query of this question with another month."""
        asked = msgspec.structs.replace(self, **changes)
        query = QueryDict(mutable=True)
        query["month"] = f"{asked.month:%Y-%m}"
        if asked.prefix:
            query["prefix"] = asked.prefix
        if not asked.claims:
            query["claims"] = "0"
        if asked.team_id is not None:
            query["team"] = str(asked.team_id)
        return f"?{query.urlencode()}"

    def answer(self) -> Chargeback:
        """Returns the lines."""
        return chargeback(
            self.range.since, self.range.until, prefix=self.prefix, claims=self.claims, team_id=self.team_id
        )


@require_safe
@permission_required(VIEW, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The lines of a month."""
    asked = _asked(request)
    found = asked.answer()
    teams = dict(Team.objects.order_by("name").values_list("pk", "name"))
    if asked.team_id is not None:
        # Figures of a team that is deleted are not those of all.
        teams.setdefault(asked.team_id, f"team {asked.team_id}")
    context = {
        **admin.site.each_context(request),
        "title": "Chargeback",
        "asked": asked,
        "before_url": asked.url(month=(asked.month - timedelta(days=1)).replace(day=1)),
        "after_url": asked.url(month=month_after(asked.month)) if asked.month <= overview.last_month() else "",
        "teams": teams.items(),
        "team_name": "" if asked.team_id is None else teams[asked.team_id],
        "rows": [_row(line, found, asked) for line in found.lines[:SHOWN]],
        "more": len(found.lines) > SHOWN,
        "whole": found.whole,
        "query": asked.url(),
    }
    return TemplateResponse(request, "console/chargeback.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def export(request: HttpRequest, format: str) -> HttpResponseBase:
    """The lines of a month and their whole as CSV or XLSX, with exact amounts."""
    asked = _asked(request)
    records = _records(asked.answer(), asked)
    record("usage exported", changes={"chargeback": asked.url(), "format": format})
    name = f"chargeback-{asked.month:%Y-%m}.{format}"
    if format == "xlsx":
        return xlsx_file.response(name, HEADER, records, _FORMATS)
    lines = ([cell(one) if isinstance(one, str) else totals.exact(one) for one in each] for each in records)
    return csv_file.response(request, name, csv_file.blocks(HEADER, lines))


def _asked(request: HttpRequest) -> _Asked:
    """Returns what the URL asks for. Raises Http404 for a month that is none."""
    return _Asked(
        month_of(request.GET.get("month", "")),
        request.GET.get("prefix", "").strip()[:40],
        request.GET.get("claims", "1") != "0",
        id_in(request.GET.get("team", "")),
    )


def _name(line: Line, prefix: str) -> str:
    if line.kind == Kind.NONE and prefix:
        return f"(no tag with {prefix})"
    return line.tag if line.kind == Kind.TAG else _NAMES[line.kind]


def _row(line: Line, found: Chargeback, asked: _Asked) -> dict[str, Any]:
    share = _share(line, found)
    return {
        "name": _name(line, asked.prefix),
        "is_tag": line.kind == Kind.TAG,
        "is_claim": line.is_claim,
        "used": line.used,
        "share": "" if share is None else f"{100 * share:.1f} %",
        "url": _explorer(line, asked),
        "sets": len(line.sets),
    }


def _share(line: Line, found: Chargeback) -> float | None:
    if not found.whole.cost or line.used.cost is None:
        return None
    return float(line.used.cost / found.whole.cost)


def _explorer(line: Line, asked: _Asked) -> str:
    """Returns the explorer of the sets of tags of a line, "" where they are too many for a URL."""
    if len(line.sets) > _MOST_SETS:
        return ""
    filters: dict[str, tuple[Any, ...]] = {"tags": tuple(line.sets)}
    if asked.team_id is not None:
        filters["team"] = (asked.team_id,)
    question = Question(asked.range.since, asked.range.until, group="tags", limit=50, filters=filters)
    return f"{reverse('console:explorer')}{state.query_of(asked.range, question, '')}"


def _records(found: Chargeback, asked: _Asked) -> Iterator[list[Any]]:
    for line in found.lines:
        used = line.used
        yield [
            f"{asked.month:%Y-%m}", asked.prefix, line.tag, line.kind.value, "yes" if line.is_claim else "",
            used.requests, used.unpriced, used.input, used.cache_read, used.cache_write, used.output, used.cost,
            _share(line, found),
        ]  # fmt: skip
    whole = found.whole
    yield [
        f"{asked.month:%Y-%m}", asked.prefix, "", "whole", "", whole.requests, whole.unpriced, whole.input,
        whole.cache_read, whole.cache_write, whole.output, whole.cost, None,
    ]  # fmt: skip
