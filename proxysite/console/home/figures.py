"""The six figures of home: each with its change against the range before, a spark line, and a link to its rows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from proxysite.console.explorer import shown
from proxysite.console.ranges import Range
from streaming import runtime
from usage.admin.filters import rows_url
from usage.reports import formatting
from usage.reports.explore.metrics import METRICS, Metric
from usage.reports.pulse import Pulse, Sums
from usage.rollups.measures import ERRORS

TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
_WIDTH, _HEIGHT = 120, 28


class Figure(msgspec.Struct, frozen=True):
    """One figure. `change` is against the range before, "" where that has nothing; `worse` marks one to look at."""

    title: str
    text: str
    full: str
    url: str
    change: str = ""
    worse: bool = False
    note: str = ""
    note_url: str = ""
    spark: str = ""


def figures(pulse: Pulse, chosen: Range) -> list[Figure]:
    """Returns the figures of a range."""
    now = pulse.now
    unpriced = now.of.get("total_unpriced") or 0
    failed = (now.of["total_errors"] or 0) - (now.of["total_refused"] or 0)
    return [
        _figure(
            pulse, "cost", "Cost", rows_url(chosen, known="cost"),
            note=f"{formatting.count(unpriced)} without a price" if unpriced else "",
            note_url=rows_url(chosen, known="unpriced") if unpriced else "",
        ),
        _figure(pulse, "requests", "Requests", rows_url(chosen)),
        _figure(
            pulse, "error_rate", "Error rate", rows_url(chosen, outcomes=ERRORS), more_is_worse=True,
            note=f"{formatting.count(failed)} failed, {formatting.count(now.of['total_refused'] or 0)} refused",
        ),
        _figure(
            pulse, "first_token_p50", "First token", rows_url(chosen, known="time_to_first_token_ms"),
            more_is_worse=True,
            note=f"p95 {formatting.milliseconds(now.value('first_token_p95'))}",
        ),
        _figure(
            pulse, "tokens", "Tokens", rows_url(chosen, known=TOKENS),
            note=f"{shown.text(now.value('cached'), 'share')} of the input read from cache",
        ),
        _streams(),
    ]  # fmt: skip


def _figure(
    pulse: Pulse, metric: str, title: str, url: str, *, more_is_worse: bool = False, note: str = "", note_url: str = ""
) -> Figure:
    unit = METRICS[metric].unit
    value, before = pulse.now.value(metric), pulse.before.value(metric)
    change, rose = _change(value, before, is_share=unit == "share")
    return Figure(
        title=title,
        text=formatting.tokens(value) if metric == "tokens" else shown.text(value, unit),
        full=_full(value, METRICS[metric]),
        url=url,
        change=change,
        worse=more_is_worse and rose,
        note=note,
        note_url=note_url,
        spark=_spark(pulse.points, lambda sums: sums.value(metric)),
    )


def _full(value: Any, metric: Metric) -> str:
    """Returns the exact value with its unit and what it is of; of a share the rounded one."""
    if value is None:
        return formatting.UNKNOWN
    units = {
        "money": f"${Decimal(value).normalize():f}",
        "milliseconds": f"{value} ms",
        "share": shown.text(value, "share"),
    }
    return f"{units.get(metric.unit, formatting.count(value))}: {metric.title.lower()}"


def _change(value: Any, before: Any, *, is_share: bool) -> tuple[str, bool]:
    """Returns the change in words, and whether it is a rise that is worth a look."""
    if value is None or not before:
        return "", False
    if is_share:
        points = 100 * (value - before)
        if abs(points) < 0.05:
            return "no change", False
        return f"{points:+.1f} points", points >= 1
    percent = 100 * (float(value) / float(before) - 1)
    if abs(percent) >= 1000:
        return f"{float(value) / float(before):,.0f} times as much", percent > 0
    if abs(percent) < 0.5:
        return "no change", False
    return f"{percent:+.0f} %", percent >= 20


def _spark(points: list[Sums], value: Callable[[Sums], Any]) -> str:
    """Returns the points of an SVG line, unknown ones as 0; "" where all are."""
    values = [float(value(one) or 0) for one in points]
    most = max(values, default=0)
    if not most or len(values) < 2:
        return ""
    step = _WIDTH / (len(values) - 1)
    return " ".join(
        f"{at * step:.1f},{_HEIGHT - 1 - number / most * (_HEIGHT - 2):.1f}" for at, number in enumerate(values)
    )


def _streams() -> Figure:
    serving = runtime.current()
    if serving is None or serving.pages_only:
        note = "Counted by the workers of the gateway; this page runs in a process of its own."
        return Figure("Streams now", formatting.UNKNOWN, note, "", note=note)
    number = formatting.count(len(serving.exchanges))
    return Figure("Streams now", number, f"{number} requests under way", "", note="in the worker of this page")
