"""An answer as the page shows it: values with their units, links to rows, and the chart."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from proxysite.console import charts
from proxysite.console.explorer.state import State
from usage.admin.filters import attempts_url, rows_url
from usage.reports import amounts, formatting
from usage.reports.explore import names
from usage.reports.explore.answer import Answer, Line
from usage.reports.explore.metrics import METRICS, Unit, Value
from usage.reports.explore.question import GROUPS, Question, problem


def text(value: Value, unit: Unit) -> str:
    """Returns a value with its unit."""
    if value is None:
        return formatting.UNKNOWN
    if unit == "money":
        return formatting.dollars(Decimal(value))
    if unit == "share":
        return f"{100 * value:.1f} %"
    return formatting.milliseconds(int(value)) if unit == "milliseconds" else formatting.count(int(value))


def metric_title(question: Question) -> str:
    """Returns the title of a question's metric, which counts attempts where the question does."""
    return question.counts.capitalize() if question.metric == "requests" else METRICS[question.metric].title


def rows(answer: Answer, state: State, *, links: bool = True) -> list[dict[str, Any]]:
    """Returns the lines of the table: the greatest first, then the others; `links` says whether they lead to rows."""
    free = _free_group(answer.question)
    found = [_row(line, color, answer, state, free) for line, color in coloured(answer)]
    return found if links else [{**row, "url": ""} for row in found]


def coloured(answer: Answer) -> list[tuple[Line, str]]:
    """Returns each line with its colour in the chart; those beyond the palette and the others are grey."""
    lines = answer.lines or [answer.whole]
    colors = [*charts.PALETTE, *([charts.OTHER] * max(0, len(lines) - len(charts.PALETTE)))]
    found = list(zip(lines, colors, strict=False))
    return [*found, (answer.others, charts.OTHER)] if answer.others is not None else found


def chart(answer: Answer) -> tuple[str, str]:
    """Returns the kind of the chart and its Chart.js data as JSON: bars where values add up, else lines."""
    metric = METRICS[answer.question.metric]
    stacked = metric.adds_up and not answer.question.cumulative
    datasets = [
        {
            "label": " · ".join(line.labels),
            "data": [_height(value, metric.unit) for value in line.values],
            "backgroundColor": color,
            "borderColor": color,
            **({"maxBarThickness": 28} if stacked else {"pointRadius": 0, "borderWidth": 2, "tension": 0}),
        }
        for line, color in coloured(answer)
    ]
    labels = [bucket_label(answer.question, start) for start in answer.starts]
    return ("bar" if stacked else "line"), json.dumps({"labels": labels, "datasets": datasets})


def options(kind: str) -> str:
    """Returns Chart.js options as JSON."""
    return charts.options(stacked=kind == "bar")


def bucket_label(question: Question, start: datetime) -> str:
    """Returns what a bucket is called."""
    if question.bucket == "hour":
        return f"{start:%m-%d %H:%M}"
    return f"{start:%Y-%m}" if question.bucket == "month" else f"{start:%Y-%m-%d}"


def chips(state: State) -> list[dict[str, str]]:
    """Returns the filters that are on, each with the URL without it."""
    found = []
    for name, values in state.question.filters.items():
        labels = names.of_values(state.question, name, values)
        rest = {other: kept for other, kept in state.question.filters.items() if other != name}
        for value in values:
            others = tuple(kept for kept in values if kept != value)
            filters = {**rest, name: others} if others else rest
            found.append({"title": GROUPS[name].title, "text": labels[value], "url": state.url(filters=filters)})
    return found


def _row(line: Line, color: str, answer: Answer, state: State, free: str) -> dict[str, Any]:
    question, metric = answer.question, METRICS[answer.question.metric]
    share = None
    if metric.adds_up and answer.whole.total and line.total is not None:
        share = float(line.total) / float(answer.whole.total)
    return {
        "labels": line.labels,
        "name": ", ".join(line.labels),
        "is_others": line is answer.others,
        "color": color,
        "total": amounts.in_column(None if line.total is None else Decimal(line.total))
        if metric.unit == "money"
        else text(line.total, metric.unit),
        "exact": "" if line.total is None else str(line.total),
        "share": "" if share is None else text(share, "share"),
        "requests": formatting.count(line.requests),
        "url": "" if line.key is None and line is not answer.whole else _rows_url(line, state),
        "narrow": "" if not line.key else _narrow(line, question, state, free),
    }


def _rows_url(line: Line, state: State) -> str:
    """Returns the list of the very requests (or attempts) of a line, "" where that list has no such filter."""
    parts: dict[str, Any] = {}
    keys = zip(state.question.by, line.key or (), strict=False)
    for name, values in (*((name, (value,)) for name, value in keys), *state.question.filters.items()):
        row_filter = GROUPS[name].row_filter
        if not row_filter or len(values) != 1:
            return ""
        parts[row_filter] = values[0]
    if state.question.counts == "attempts":
        return attempts_url(state.range.covering(), **parts)
    return rows_url(state.range, **parts)


def _narrow(line: Line, question: Question, state: State, free: str) -> str:
    """Returns the explorer of this line alone, by a group that is not chosen yet."""
    chosen = {name: (value,) for name, value in zip(question.by, line.key or (), strict=True)}
    return state.url(filters={**question.filters, **chosen}, group=free, subgroup="")


def _free_group(question: Question) -> str:
    """Returns the first group by which lines of a question can be told apart further, "" for none."""
    filters = {**question.filters, **dict.fromkeys(question.by, (None,))}
    free = (
        name
        for name in GROUPS
        if name not in filters
        and not problem(msgspec.structs.replace(question, group=name, subgroup="", filters=filters))
    )
    return next(free, "")


def _height(value: Value, unit: Unit) -> float | None:
    if value is None:
        return None
    # A float is good enough for a chart; the table and the files keep the exact amount.
    return round(100 * float(value), 3) if unit == "share" else float(value)
