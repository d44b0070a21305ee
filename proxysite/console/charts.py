"""Chart data for unfold's bar component (Chart.js): days on the x-axis, stacked by model, team or provider."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from usage.reports.query import Period
from usage.reports.totals import Axis, Line, Totals

PALETTE: Final = ("#7c3aed", "#0ea5e9", "#10b981", "#f59e0b", "#ec4899", "#6366f1", "#84cc16", "#ef4444")
"""One colour per series, distinct in the light and the dark theme."""
OTHER: Final = "#94a3b8"
MEASURES: Final = {"requests": "Requests", "tokens": "Tokens", "cost": "Cost (USD)"}


class Series(msgspec.Struct, frozen=True):
    """A model, team or provider with its colour and its totals over the period."""

    name: str
    color: str
    line: Line


def name_of(line: Line, axis: Axis) -> str:
    """The label of a line of `by_day` or `by_axis`."""
    if axis == "team":
        return line.team_name or "(no team)"
    if axis == "provider":
        return line.provider_name or "(no provider)"
    if not line.model_name:
        return "(no model)"
    return f"{line.provider_name}: {line.model_name}" if line.provider_name else line.model_name


def value_of(totals: Totals, measure: str) -> float:
    """The height of a bar; unknown amounts count as 0."""
    if measure == "tokens":
        return totals.tokens
    # A float is good enough for the height of a bar; the tables keep the exact amount.
    return float(totals.cost or 0) if measure == "cost" else totals.requests


def series_of(lines: Sequence[Line], axis: Axis, measure: str) -> list[Series]:
    """The lines of `by_axis` by descending `measure`, with colours; those beyond the palette are grey."""
    ordered = sorted(lines, key=lambda line: -value_of(line.totals, measure))
    colors = [*PALETTE, *([OTHER] * max(0, len(ordered) - len(PALETTE)))]
    return [Series(name_of(line, axis), color, line) for line, color in zip(ordered, colors, strict=False)]


def stacked(period: Period, lines: Sequence[Line], series: Sequence[Series], axis: Axis, measure: str) -> str:
    """Chart.js data as JSON from the lines of `by_day`."""
    days = period.days()
    index = {day: position for position, day in enumerate(days)}
    shown = {_key(one.line): one for one in series if one.color != OTHER}
    heights: dict[Any, list[float]] = defaultdict(lambda: [0.0] * len(days))
    for line in lines:
        key = _key(line) if _key(line) in shown else None
        if line.day in index:
            heights[key][index[line.day]] += value_of(line.totals, measure)
    datasets = [_dataset(one.name, one.color, heights[key]) for key, one in shown.items() if key in heights]
    if None in heights:
        datasets.append(_dataset("others", OTHER, heights[None]))
    return json.dumps({"labels": [f"{day:%b} {day.day}" for day in days], "datasets": datasets})


def options(*, stacked: bool = True) -> str:
    """Chart.js options as JSON; unfold colours the grid itself."""
    ticks = {"color": "#9ca3af", "maxRotation": 0, "autoSkipPadding": 16}
    return json.dumps(
        {
            "animation": False,
            "responsive": True,
            "maintainAspectRatio": False,
            "interaction": {"mode": "index", "intersect": False},
            "plugins": {"legend": {"display": False}},
            "scales": {
                "x": {"stacked": stacked, "ticks": ticks, "grid": {"display": False}, "border": {"display": False}},
                "y": {
                    "stacked": stacked,
                    "beginAtZero": True,
                    "ticks": {**ticks, "maxTicksLimit": 6},
                    "grid": {"tickWidth": 0},
                    "border": {"display": False},
                },
            },
        }
    )


def _key(line: Line) -> tuple[Any, ...]:
    return (line.team_id, line.provider_name, line.model_name)


def _dataset(name: str, color: str, heights: list[float]) -> dict[str, Any]:
    return {"label": name, "data": heights, "backgroundColor": color, "maxBarThickness": 28}
