"""The call `usage`: a question of the explorer, with every line, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase

from access.models import ReportToken
from proxysite.console import csv_file, ranges
from proxysite.console.explorer import state
from proxysite.report_api.errors import invalid, only
from proxysite.report_api.schemas import Line, Sums, Usage, unit_of
from proxysite.report_api.tokens import of_its_team, token
from usage.models import Outcome
from usage.reports import totals
from usage.reports.explore import answer as explore
from usage.reports.explore.answer import Answer, CannotAnswer
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import BUCKETS, EVERY_LINE, GROUPS, LIMITS, Question
from usage.reports.rows.filters import NONE
from usage.reports.spreadsheet import cell

FORMATS: Final = ("json", "csv")
PARAMETERS: Final = (
    "range", "from", "to", "metric", "group", "subgroup", "bucket", "limit", "rank", "cumulative", "format", *GROUPS,
)  # fmt: skip


def usage(request: HttpRequest) -> Usage | HttpResponseBase:
    """Any metric by any group, over time: the question of the explorer's page, whose URL has the same parameters."""
    only(request, *PARAMETERS)
    format = request.GET.get("format") or "json"
    if format not in FORMATS:
        raise invalid(f"format is one of {', '.join(FORMATS)}.")
    question = question_of(request.GET, token(request))
    try:
        found = explore.answer(question)
    except CannotAnswer as error:
        raise invalid(str(error)) from None
    if format == "csv":
        return csv_file.response(request, "usage.csv", csv_file.blocks(_header(question), _records(found)))
    return _document(found)


def question_of(parameters: QueryDict, reader: ReportToken) -> Question:
    """Returns the question in the parameters of a URL, of the reader's team alone if it has one. Raises ReportError."""
    try:
        question = state.read(parameters).question
    except (ranges.WrongRange, state.WrongQuestion) as error:
        raise invalid(str(error)) from None
    if parameters.get("cumulative", "") not in ("", "0", "1"):
        raise invalid("cumulative is 0 or 1.")
    if not parameters.get("limit"):
        question = msgspec.structs.replace(question, limit=EVERY_LINE)
    if reader.team_id is None:
        return question
    for team_id in question.filters.get("team", (reader.team_id,)):
        of_its_team(reader, team_id if isinstance(team_id, int) else None)
    return msgspec.structs.replace(question, filters={**question.filters, "team": (reader.team_id,)})


def _document(found: Answer) -> Usage:
    question, zone = found.question, found.question.zone
    since, until = question.counted
    metric = METRICS[question.metric]
    return Usage(
        since=since.astimezone(zone),
        until=until.astimezone(zone),
        time_zone=str(zone),
        counts=question.counts,
        metric=question.metric,
        unit=unit_of(metric),
        by=list(question.by),
        bucket=question.bucket,
        cumulative=question.cumulative,
        buckets=found.starts,
        lines=[
            Line(
                names=dict(zip(question.by, line.labels, strict=False)),
                filters=dict(zip(question.by, map(state.text_of, line.key or ()), strict=True)),
                **_sums(line),
            )
            for line in _lines(found)
        ],
        others=None if found.others is None else Sums(**_sums(found.others)),
        whole=Sums(**_sums(found.whole)),
        unpriced=found.unpriced,
    )


def _lines(found: Answer) -> list[explore.Line]:
    """Returns the lines; without a group the whole is the only one."""
    return found.lines if found.question.by else [found.whole]


def _sums(line: explore.Line) -> dict[str, Any]:
    return {
        "requests": line.requests,
        "total": _exact(line.total),
        "values": [_exact(value) for value in line.values],
    }


def _exact(value: Any) -> Any:
    """Amounts are exact decimals as text, other values as they are."""
    return totals.exact(value)


def _header(question: Question) -> list[str]:
    return [*(column for name in question.by for column in _columns(name)), "start", question.metric]


def _columns(group: str) -> tuple[str, ...]:
    """Returns the columns of a group: its name, and the number of what may be called otherwise tomorrow."""
    return (group, f"{group}_id") if _has_id(group) else (group,)


def _has_id(group: str) -> bool:
    return bool(GROUPS[group].label)


def _records(found: Answer) -> Iterator[list[Any]]:
    """Yields a row for each line and bucket."""
    question = found.question
    starts = found.starts or [question.counted[0].astimezone(question.zone)]
    for line in (*_lines(found), *([found.others] if found.others is not None else [])):
        cells = []
        for at, group in enumerate(question.by):
            cells.append(cell(line.labels[at]) if at < len(line.labels) else "")
            if _has_id(group):
                cells.append("" if line.key is None or line.key[at] is None else str(line.key[at]))
        for start, value in zip(starts, line.values or [line.total], strict=True):
            yield [*cells, start.isoformat(), _exact(value)]


def _parameter(name: str, text: str, several: bool = False, **schema: Any) -> dict[str, Any]:
    one = {"type": "string", **schema}
    shown = {"type": "array", "items": one} if several else one
    return {"in": "query", "name": name, "required": False, "description": text, "schema": shown}


def _filter(name: str) -> dict[str, Any]:
    by = ", by its id" if _has_id(name) else ""
    if name == "outcome":
        return _parameter(name, "Only requests that ended so. Repeat it for several.", True, enum=list(Outcome.values))
    text = f"Only requests with this {GROUPS[name].title.lower()}{by}. Repeat it for several; {NONE}: those without."
    return _parameter(name, text, True)


DESCRIPTION: Final[dict[str, Any]] = {
    "parameters": [
        _parameter(
            "range", "A range with a name, where neither from nor to is sent.", enum=list(ranges.TITLES),
            default=state.STANDARD_RANGE,
        ),
        _parameter("from", "The first day (2026-11-30) or moment (2026-11-30T14:05, also with a zone)."),
        _parameter("to", "The last day, which is included, or the moment before which the range ends."),
        _parameter("metric", "What is counted: see metrics.", enum=list(METRICS), default="cost"),
        _parameter("group", "What lines are told apart by; empty for one line.", enum=["", *GROUPS], default="model"),
        _parameter("subgroup", "What the lines of a group are told apart by, too.", enum=["", *GROUPS], default=""),
        _parameter("bucket", "The buckets of time; empty: those that fit the range.", enum=["", *BUCKETS], default=""),
        _parameter("limit", "The number of lines; without it, every line.", enum=[str(limit) for limit in LIMITS]),
        _parameter("rank", "The metric that orders lines; empty: the one that is asked for.", enum=["", *METRICS]),
        _parameter("cumulative", "1: each value is the sum of the buckets up to it.", enum=["0", "1"], default="0"),
        _parameter("format", "CSV has a row for each line and bucket.", enum=list(FORMATS), default="json"),
        *map(_filter, GROUPS),
    ],
    "responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
}  # fmt: skip
"""What the OpenAPI document says of this call beside its answer."""
