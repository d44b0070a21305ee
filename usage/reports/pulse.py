"""How the gateway did in a range beside the range before, how each provider did in the last 24 hours, and how busy it
is at its busiest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db.models import Aggregate, Q, Sum

from usage.dollars_sum import DollarsSum
from usage.models import Outcome
from usage.reports import spans
from usage.reports.explore.metrics import METRICS, SUMS, empty, plus
from usage.rollups import histogram
from usage.rollups.measures import ERRORS
from usage.rollups.models import UsageRollup

POINTS: Final = 24
"""Points of the spark line of a range of up to two days."""
MOST_DAYS: Final = 62
"""Points of the spark line of a longer range at most: a day each, or several."""
HALF_HOURS: Final = 48
_HALF_HOUR = 1800
_HOUR: Final = timedelta(hours=1)
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
    """Returns the pulse of a range; where it is longer than two days, each part is one or several of them."""
    in_quarters = until - since <= _IN_QUARTERS
    rows = spans.rows(since, until, bucket="quarter" if in_quarters else "day")
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    starts = _points(since, until) if in_quarters else _days(since, until)
    points = [_none() for _ in starts]
    for row in rows.with_stretch(starts).groups("stretch", **SUMS):
        plus(points[row["stretch"]].of, {name: row[name] for name in SUMS})
    for (at,), bins in rows.bins("first_token_bins", starts=starts).items():
        histogram.add(points[at].first_token, bins)
    now = _none()
    for point in points:
        plus(now.of, point.of)
        histogram.add(now.first_token, point.first_token)
    return Pulse(now, _summed(spans.rows(*before, bucket="quarter" if in_quarters else "day")), points)


def _points(since: datetime, until: datetime) -> list[datetime]:
    """Returns the moments at which each of POINTS equal parts of a range begins."""
    return [since + number * (until - since) / POINTS for number in range(POINTS)]


def _days(since: datetime, until: datetime) -> list[datetime]:
    """Returns the moments at which the days of a range begin, or several of them where there are many."""
    days = max(1, (until - since).days + 1)
    step = -(-days // MOST_DAYS)
    # Where the clocks were put back, a day begins an hour early.
    return [since + timedelta(days=number * step) - _HOUR for number in range(-(-days // step))]


class Provider(msgspec.Struct, frozen=True):
    """How a provider did in each half hour, oldest first: requests that it ended, and those of them that failed.

    `p95` are the milliseconds to the first token, `cost` the US dollars, both of the 24 hours. `succeeded_in` is the
    begin of the half hour in which the last completed request began, None where none did.
    """

    name: str
    squares: list[tuple[int, int]]
    p95: int | None
    requests: int
    cost: Decimal | None
    succeeded_in: datetime | None = None


def day_until(until: datetime) -> tuple[datetime, datetime]:
    """Returns the 24 hours that end with the half hour of a moment, in UTC."""
    end = -(-int(until.timestamp()) // _HALF_HOUR) * _HALF_HOUR
    return datetime.fromtimestamp(end - HALF_HOURS * _HALF_HOUR, UTC), datetime.fromtimestamp(end, UTC)


def providers(since: datetime, until: datetime) -> list[Provider]:
    """Returns the providers that ended requests in the hours of `day_until`, the busiest first."""
    rows = spans.rows(since, until, ["provider_name"], bucket="quarter").filter(provider_name__gt="")
    starts = [since + number * timedelta(seconds=_HALF_HOUR) for number in range(HALF_HOURS)]
    squares: dict[str, list[tuple[int, int]]] = {}
    cost: dict[str, Decimal | None] = {}
    succeeded: dict[str, datetime] = {}
    sums: dict[str, Aggregate] = {
        "number": Sum("requests"),
        "failed": Sum("requests", filter=Q(outcome__in=ERRORS), default=0),
        "completed": Sum("requests", filter=Q(outcome=Outcome.COMPLETED), default=0),
        "money": DollarsSum("cost"),
    }
    for row in rows.with_stretch(starts).groups("provider_name", "stretch", **sums):
        name = row["provider_name"]
        squares.setdefault(name, [(0, 0)] * HALF_HOURS)[row["stretch"]] = row["number"], row["failed"]
        if row["completed"]:
            succeeded[name] = max(starts[row["stretch"]], succeeded.get(name, since))
        if row["money"] is not None:
            cost[name] = (cost.get(name) or Decimal(0)) + row["money"]
    bins = rows.bins("first_token_bins", "provider_name")
    found = [
        Provider(
            name,
            halves,
            histogram.percentile(bins.get((name,), {}), 0.95),
            sum(requests for requests, _ in halves),
            cost.get(name),
            succeeded.get(name),
        )
        for name, halves in squares.items()
    ]
    return sorted(found, key=lambda one: (-one.requests, one.name))


def busiest_quarter_hour(since: datetime) -> int:
    """Returns the most requests that began in a quarter of an hour since then. Raises django.db.Error."""
    quarters = UsageRollup.objects.filter(overall=True, starts_at__gte=since).values("starts_at")
    busiest = quarters.annotate(total=Sum("requests")).order_by("-total").first()
    return 0 if busiest is None else int(busiest["total"])


def _none() -> Sums:
    return Sums(empty(), {})


def _summed(rows: spans.Rows) -> Sums:
    found = _none()
    plus(found.of, rows.total(**SUMS))
    for bins in rows.bins("first_token_bins").values():
        histogram.add(found.first_token, bins)
    return found
