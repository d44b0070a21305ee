"""What can be asked for: each metric is computed from sums, so that it can be computed of any part of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from django.db.models import Aggregate, Q, Sum

from usage.reports import query
from usage.rollups.measures import REPORTED

Unit = Literal["money", "count", "share", "milliseconds"]
Value = Decimal | int | float | None
Sums = Mapping[str, Any]
"""Sums by their names in SUMS; None is unknown."""

SUMS: Final[dict[str, Aggregate]] = {
    **query.sums(),
    "total_refused": Sum("requests", filter=Q(outcome="refused")),
    "total_unknown_cost": Sum("unknown_cost"),
}
"""Those of every measure that reports have, as `query.totals_of` reads them, and what metrics need beside them."""


_COUNTS: Final = (
    "total_refused", "total_unknown_cost",
    *(f"total_{measure.total}" for measure in REPORTED if measure.kind != "sum"),
)  # fmt: skip


class Metric(msgspec.Struct, frozen=True):
    """A metric. `of` computes it from those of SUMS that it `needs`; `bins` is the histogram that it is a percentile of
    instead, at `fraction`.

    `adds_up` says whether the values of parts add up to that of the whole, so that they may be stacked and accumulated.
    """

    title: str
    unit: Unit
    of: Callable[[Sums], Value] | None = None
    needs: tuple[str, ...] = ()
    bins: str = ""
    fraction: float = 0.0
    adds_up: bool = True


def _known(title: str, unit: Unit, *names: str) -> Metric:
    """Returns the metric that is the sum of the known ones, None where none is."""

    def of(sums: Sums) -> Value:
        values = [sums[name] for name in names if sums[name] is not None]
        return sum(values) if values else None

    return Metric(title, unit, of, names)


def _count(title: str, name: str) -> Metric:
    return Metric(title, "count", lambda sums: sums[name] or 0, (name,))


def _share(title: str, of: str, *whole: str) -> Metric:
    def share(sums: Sums) -> Value:
        total = sum(sums[name] or 0 for name in whole)
        return (sums[of] or 0) / total if total else None

    return Metric(title, "share", share, (of, *whole), adds_up=False)


def _percentile(title: str, bins: str, fraction: float) -> Metric:
    return Metric(title, "milliseconds", bins=bins, fraction=fraction, adds_up=False)


_PROMPT = ("total_input", "total_cache_read", "total_cache_write")
METRICS: Final[dict[str, Metric]] = {
    "cost": _known("Cost", "money", "total_cost"),
    "requests": _count("Requests", "total_requests"),
    "errors": _count("Failed and refused", "total_errors"),
    "refused": _count("Refused", "total_refused"),
    "error_rate": _share("Error rate", "total_errors", "total_requests"),
    "tokens": _known("Tokens", "count", *_PROMPT, "total_output"),
    "input": _known("Input tokens", "count", "total_input"),
    "cache_read": _known("Tokens read from cache", "count", "total_cache_read"),
    "cache_write": _known("Tokens written to cache", "count", "total_cache_write"),
    "output": _known("Output tokens", "count", "total_output"),
    "cached": _share("Share read from cache", "total_cache_read", *_PROMPT),
    "first_token_p50": _percentile("First token, p50", "first_token_bins", 0.5),
    "first_token_p95": _percentile("First token, p95", "first_token_bins", 0.95),
    "duration_p50": _percentile("Duration, p50", "duration_bins", 0.5),
    "duration_p95": _percentile("Duration, p95", "duration_bins", 0.95),
}


def plus(one: dict[str, Any], other: Sums) -> None:
    """Adds sums to `one`."""
    for name, value in other.items():
        if value is not None:
            one[name] = value if one.get(name) is None else one[name] + value


def forget_unknown(left: dict[str, Any], of_all: Sums) -> None:
    """Makes sums that are left when others were taken away unknown where no request is left that knew them.

    `of_all` are the sums of all requests that are left, in every bucket.
    """
    for name in SUMS:
        if of_all[name] is None or not left["total_requests"]:
            left[name] = None
    if left["total_requests"] == left["total_unknown_cost"]:
        left["total_cost"] = None


def empty() -> dict[str, Any]:
    """Returns the sums of no rows."""
    return dict.fromkeys(SUMS) | dict.fromkeys(_COUNTS, 0)
