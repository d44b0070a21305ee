"""What can be asked for: each metric is computed from sums, so that it can be computed of any part of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from django.db.models import Aggregate, Q, Sum

from usage.dollars_sum import DollarsSum
from usage.rollups.measures import ERRORS

Unit = Literal["money", "count", "share", "milliseconds"]
Value = Decimal | int | float | None
Sums = Mapping[str, Any]
"""Sums by their names in SUMS; None is unknown."""

SUMS: Final[dict[str, Aggregate]] = {
    "requests_sum": Sum("requests"),
    "errors_sum": Sum("requests", filter=Q(outcome__in=ERRORS)),
    "refused_sum": Sum("requests", filter=Q(outcome="refused")),
    "cost_sum": DollarsSum("cost"),
    "unknown_cost_sum": Sum("unknown_cost"),
    "input_sum": Sum("input_tokens"),
    "read_sum": Sum("cache_read_tokens"),
    "write_sum": Sum("cache_write_tokens"),
    "output_sum": Sum("output_tokens"),
}
"""Not the columns' own names: Django takes no annotation that is called like a field."""
UNPRICED: Final = {"unpriced_sum": Sum("unknown_cost", filter=Q(outcome="completed"))}


class Metric(msgspec.Struct, frozen=True):
    """A metric. `of` computes it from SUMS; `bins` is the histogram that it is a percentile of instead, at `fraction`.

    `adds_up` says whether the values of parts add up to that of the whole, so that they may be stacked and accumulated.
    """

    title: str
    unit: Unit
    of: Callable[[Sums], Value] | None = None
    bins: str = ""
    fraction: float = 0.0
    adds_up: bool = True


def _known(*names: str) -> Callable[[Sums], Value]:
    """Returns the sum of the known ones, None where none is."""

    def of(sums: Sums) -> Value:
        values = [sums[name] for name in names if sums[name] is not None]
        return sum(values) if values else None

    return of


def _count(name: str) -> Callable[[Sums], Value]:
    return lambda sums: sums[name] or 0


def _share(of: str, *whole: str) -> Callable[[Sums], Value]:
    def share(sums: Sums) -> Value:
        total = sum(sums[name] or 0 for name in whole)
        return (sums[of] or 0) / total if total else None

    return share


def _percentile(title: str, bins: str, fraction: float) -> Metric:
    return Metric(title, "milliseconds", None, bins, fraction, adds_up=False)


METRICS: Final[dict[str, Metric]] = {
    "cost": Metric("Cost", "money", _known("cost_sum")),
    "requests": Metric("Requests", "count", _count("requests_sum")),
    "errors": Metric("Failed and refused", "count", _count("errors_sum")),
    "refused": Metric("Refused", "count", _count("refused_sum")),
    "error_rate": Metric("Error rate", "share", _share("errors_sum", "requests_sum"), adds_up=False),
    "tokens": Metric("Tokens", "count", _known("input_sum", "read_sum", "write_sum", "output_sum")),
    "input": Metric("Input tokens", "count", _known("input_sum")),
    "cache_read": Metric("Tokens read from cache", "count", _known("read_sum")),
    "cache_write": Metric("Tokens written to cache", "count", _known("write_sum")),
    "output": Metric("Output tokens", "count", _known("output_sum")),
    "cached": Metric(
        "Share read from cache", "share", _share("read_sum", "input_sum", "read_sum", "write_sum"), adds_up=False
    ),
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
        if of_all[name] is None or not left["requests_sum"]:
            left[name] = None
    if left["requests_sum"] == left["unknown_cost_sum"]:
        left["cost_sum"] = None


def empty() -> dict[str, Any]:
    """Returns the sums of no rows."""
    return dict.fromkeys(SUMS)
