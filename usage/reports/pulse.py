"""How the gateway did in a range beside the range before, and how each provider did in the last 24 hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db.models import Sum
from django.utils import timezone

from usage.dollars_sum import DollarsSum
from usage.reports import spans
from usage.reports.explore.metrics import METRICS, SUMS, UNPRICED, empty, plus
from usage.rollups import histogram
from usage.rollups.accumulate import local_day, midnight
from usage.rollups.measures import ERRORS

POINTS: Final = 24
"""Points of a spark line at most."""
HALF_HOURS: Final = 48
_HALF_HOUR = 1800
_IN_QUARTERS: Final = timedelta(days=2, hours=1)


class Sums(msgspec.Struct, frozen=True):
    """All that figures are computed from."""

    of: dict[str, Any]
    first_token: histogram.Bins

    def value(self, metric: str) -> Any:
        """Returns a metric of METRICS."""
        found = METRICS[metric]
        if found.bins:
            return histogram.percentile(self.first_token, found.fraction)
        assert found.of is not None
        return found.of(self.of)


class Pulse(msgspec.Struct, frozen=True):
    """The sums of a range, those of the range before it, and those of parts of the range in order."""

    now: Sums
    before: Sums
    points: list[Sums]


def pulse(since: datetime, until: datetime, before: tuple[datetime, datetime]) -> Pulse:
    """Returns the pulse of a range; the parts are days where it is longer than two of them."""
    in_quarters = until - since <= _IN_QUARTERS
    rows = spans.rows(since, until, bucket="quarter" if in_quarters else "day")
    points: list[Sums] = [_none() for _ in range(POINTS if in_quarters else max(1, (until - since).days + 1))]
    began, length = since.timestamp(), max(1.0, (until - since).total_seconds())

    def point(moment: datetime) -> Sums:
        part = (moment.timestamp() - began) / length
        at = int(part * POINTS) if in_quarters else int((moment.timestamp() - began + 3600) // 86400)
        return points[min(max(at, 0), len(points) - 1)]

    now = _none()
    for row in rows.groups("starts_at", **SUMS, **UNPRICED):
        sums = {name: row[name] for name in (*SUMS, *UNPRICED)}
        plus(now.of, sums)
        plus(point(row["starts_at"]).of, sums)
    for moment, bins in rows.values_list("starts_at", "first_token_bins"):
        found = {int(number): count for number, count in bins.items()}
        histogram.add(now.first_token, found)
        histogram.add(point(moment).first_token, found)
    return Pulse(now, _summed(spans.rows(*before, bucket="quarter" if in_quarters else "day")), points)


class Provider(msgspec.Struct, frozen=True):
    """How a provider did in each half hour, oldest first: requests that it ended, and those of them that failed.

    `p95` are the milliseconds to the first token since yesterday's midnight, `cost` the US dollars of the 24 hours.
    """

    name: str
    squares: list[tuple[int, int]]
    p95: int | None
    requests: int
    cost: Decimal | None


def providers(until: datetime) -> list[Provider]:
    """Returns the providers that had requests in the 24 hours until a moment, the busiest first."""
    end = -(-int(until.timestamp()) // _HALF_HOUR) * _HALF_HOUR
    began = end - HALF_HOURS * _HALF_HOUR
    zone = timezone.get_default_timezone()
    since = datetime.fromtimestamp(began, zone)
    rows = spans.rows(since, until, ["provider_name"], bucket="quarter").filter(provider_name__gt="")
    squares: dict[str, list[list[int]]] = {}
    cost: dict[str, Decimal | None] = {}
    for row in rows.groups("provider_name", "starts_at", "outcome", number=Sum("requests"), money=DollarsSum("cost")):
        name = row["provider_name"]
        places = squares.setdefault(name, [[0, 0] for _ in range(HALF_HOURS)])
        place = places[min(max(0, (int(row["starts_at"].timestamp()) - began) // _HALF_HOUR), HALF_HOURS - 1)]
        place[0] += row["number"]
        place[1] += row["number"] if row["outcome"] in ERRORS else 0
        if row["money"] is not None:
            cost[name] = (cost.get(name) or Decimal(0)) + row["money"]
    bins: dict[str, histogram.Bins] = {}
    days = spans.rows(midnight(local_day(since.timestamp())), until, ["provider_name"], bucket="day")
    for name, stored in days.values_list("provider_name", "first_token_bins"):
        histogram.add(bins.setdefault(name, {}), {int(number): count for number, count in stored.items()})
    found = [
        Provider(
            name,
            [(requests, failed) for requests, failed in places],
            histogram.percentile(bins.get(name, {}), 0.95),
            sum(requests for requests, _ in places),
            cost.get(name),
        )
        for name, places in squares.items()
    ]
    return sorted(found, key=lambda one: (-one.requests, one.name))


def _none() -> Sums:
    return Sums(empty(), {})


def _summed(rows: spans.Rows) -> Sums:
    found = _none()
    plus(found.of, rows.total(**SUMS))
    for (bins,) in rows.values_list("first_token_bins"):
        histogram.add(found.first_token, {int(number): count for number, count in bins.items()})
    return found
