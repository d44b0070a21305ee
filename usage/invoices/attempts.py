"""What we recorded of a provider's attempts, by day of UTC and model: all that a provider may bill.

That is every attempt that began, those that failed, were cancelled, or lost to another one (hedging) included. Days
whose rows were pruned come from the days of attempts, which know the configured model alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db.models import Aggregate, Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import TruncDate

from usage.dollars_sum import DollarsSum
from usage.models import AttemptLog, Outcome
from usage.rollups.accumulate import first_id
from usage.rollups.models import AttemptRollup

HEDGED: Final = "hedged"
"""The error code of an attempt that lost to another one."""
_TOKENS: Final = ("input", "cache_read", "cache_write", "output")
_ESTIMATED, _INTERRUPTED, _HEDGED = Q(estimated=True), Q(outcome=Outcome.INTERRUPTED), Q(error_code=HEDGED)


class Ours(msgspec.Struct):
    """Our figures of one day and model. A sum is None where no attempt knew it.

    `unpriced` attempts used something and have no cost. The other counts are of attempts whose tokens were estimated
    here, whose worker died, and that lost to another one, each with its cost. `is_pruned` says that the rows are gone.
    """

    requests: int = 0
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: Decimal | None = None
    unpriced: int = 0
    estimated: int = 0
    estimated_cost: Decimal | None = None
    interrupted: int = 0
    interrupted_cost: Decimal | None = None
    hedged: int = 0
    hedged_cost: Decimal | None = None
    is_pruned: bool = False

    def add(self, other: Ours) -> None:
        """Adds another day's or model's figures."""
        for name in self.__struct_fields__:
            mine, more = getattr(self, name), getattr(other, name)
            setattr(self, name, mine if more is None else more if mine is None else mine + more)
        self.is_pruned = self.is_pruned > 0

    @property
    def is_free(self) -> bool:
        """Whether there is nothing that a provider could bill."""
        return not self.cost and not self.unpriced and not any(getattr(self, name) for name in _TOKENS)


class _Day(TruncDate):
    """The day of UTC. SQLite has moments as text in UTC, and would call Python for each of them."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        """Returns SQL for SQLite."""
        sql, values = compiler.compile(self.lhs)
        return f"substr({sql}, 1, 10)", values


def figures(provider_id: int, first: date, last: date) -> dict[tuple[date, str], Ours]:
    """Returns our figures of a provider by day and model, from the first day to the last one: the model that the
    provider named, or the configured one where it named none."""
    found = {(row.pop("day"), row.pop("model")): Ours(**row) for row in _from_rows(provider_id, first, last)}
    of_rows = {day for day, _ in found}
    of_rows |= {day for day in _days_of_rollups(provider_id, first, last) - of_rows if _has_rows(day)}
    for row in _from_rollups(provider_id, first, last):
        key = row.pop("day"), row.pop("model")
        if key[0] not in of_rows:
            found[key] = Ours(**row, is_pruned=True)
    return found


def _from_rows(provider_id: int, first: date, last: date) -> Iterator[dict[str, Any]]:
    # An id is made a moment before its attempt starts: a day more on both sides leaves none out.
    day = timedelta(days=1)
    rows = AttemptLog.objects.filter(
        provider_id=provider_id,
        id__gte=first_id(first - day),
        id__lt=first_id(last + 2 * day),
        started_at__gte=_midnight(first),
        started_at__lt=_midnight(last + day),
    ).annotate(
        day=_Day("started_at", tzinfo=UTC),
        model=Case(When(reported_model="", then=F("model_name")), default=F("reported_model")),
    )
    used = Q(outcome=Outcome.COMPLETED) | Q(input_tokens__isnull=False) | Q(output_tokens__isnull=False)
    return _summed(
        rows,
        requests=Count("pk"),
        unpriced=Count("pk", filter=Q(cost__isnull=True) & used),
        estimated=Count("pk", filter=_ESTIMATED),
        estimated_cost=DollarsSum("cost", filter=_ESTIMATED),
        interrupted=Count("pk", filter=_INTERRUPTED),
        hedged=Count("pk", filter=_HEDGED),
        hedged_cost=DollarsSum("cost", filter=_HEDGED),
    )


def _from_rollups(provider_id: int, first: date, last: date) -> Iterator[dict[str, Any]]:
    rows = _rollups(provider_id, first, last).annotate(day=_Day("starts_at", tzinfo=UTC), model=F("model_name"))
    return _summed(
        rows,
        requests=Sum("attempts"),
        unpriced=Sum("unknown_cost", filter=Q(outcome=Outcome.COMPLETED), default=0),
        estimated=Sum("estimated"),
        interrupted=Sum("attempts", filter=_INTERRUPTED, default=0),
    )


def _summed(rows: QuerySet[Any], **counts: Aggregate) -> Iterator[dict[str, Any]]:
    sums = {name: Sum(f"{name}_tokens") for name in _TOKENS}
    money = {"cost": DollarsSum("cost"), "interrupted_cost": DollarsSum("cost", filter=_INTERRUPTED)}
    # Columns have some of these names.
    prefixed = {f"of_{name}": aggregate for name, aggregate in (sums | money | counts).items()}
    for row in rows.order_by().values("day", "model").annotate(**prefixed):
        yield {name.removeprefix("of_"): value for name, value in row.items()}


def _rollups(provider_id: int, first: date, last: date) -> QuerySet[AttemptRollup]:
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    return AttemptRollup.objects.filter(provider_id=provider_id, starts_at__gte=since, starts_at__lt=until)


def _days_of_rollups(provider_id: int, first: date, last: date) -> set[date]:
    days = _rollups(provider_id, first, last).order_by().values_list("starts_at", flat=True).distinct()
    return {moment.astimezone(UTC).date() for moment in days}


def _has_rows(day: date) -> bool:
    """Whether any attempt of a day is left: days are pruned as a whole, of all providers."""
    return AttemptLog.objects.filter(id__gte=first_id(day), id__lt=first_id(day + timedelta(days=1))).exists()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
