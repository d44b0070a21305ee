"""The cost of past usage at other prices: a second column beside the cost, which does not change.

Costs are recomputed from the token counts of each attempt, as they were when the request ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from access import audit
from access.audit.context import Who
from usage.cost import Parts, Prices, in_force, parts_of_row
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars
from usage.reports.query import Period

PAGE = 1000
"""Requests that are read, and with `write` saved, at a time."""

Schedules = Mapping[int, Sequence[Prices]]
"""All prices of a model, by its id."""


class Repriced(msgspec.Struct):
    """Sums over the requests that one provider's model answered. `unpriced` of them have no re-priced cost."""

    provider_name: str
    model_name: str
    requests: int = 0
    unpriced: int = 0
    cost: Decimal = Decimal(0)
    repriced_cost: Decimal = Decimal(0)


def reprice(
    period: Period,
    schedules: Schedules,
    *,
    as_of: datetime | None,
    model_name: str | None = None,
    write: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Repriced]:
    """Re-prices the requests that began within `period`, at the prices of `as_of`, or of each request's own time if
    None. Returns the sums by provider and model. `repriced_cost` is saved only with `write`, page by page, so that this
    may be stopped and repeated; `progress` is called with the requests of each page and may raise to stop it."""
    sums: dict[tuple[str, str], Repriced] = {}
    for page in _pages(period, model_name):
        attempts = _attempts([row.id for row in page])
        for row in page:
            # Without its attempts a request still has the counts of the last one.
            calls: Sequence[AttemptLog | RequestLog] = attempts[row.id] or [row]
            for one in calls:
                one.repriced_cost = _cost(one, schedules, as_of or row.started_at)
            row.repriced_cost = _sum([one.repriced_cost for one in calls])
            name = (row.provider_name, row.model_name)
            _add(sums.setdefault(name, Repriced(*name)), row)
        if write:
            with transaction.atomic():
                RequestLog.objects.bulk_update(page, ["repriced_cost"], batch_size=250)
                called = [one for several in attempts.values() for one in several]
                AttemptLog.objects.bulk_update(called, ["repriced_cost"], batch_size=250)
        if progress is not None:
            progress(len(page))
    return [sums[name] for name in sorted(sums)]


def reprice_and_record(
    period: Period,
    schedules: Schedules,
    *,
    as_of: datetime | None,
    prices_of: str,
    model_name: str | None,
    write: bool,
    progress: Callable[[int], None] = lambda number: None,
    who: Who | None = None,
    **noted: Any,
) -> list[Repriced]:
    """Re-prices as `reprice` does. What was written is recorded as the deed of `who`, with the word for the moment of
    the prices and what is `noted`, also where something raises to stop it."""
    done = 0

    def each(number: int) -> None:
        nonlocal done
        done += number
        progress(number)

    try:
        return reprice(period, schedules, as_of=as_of, model_name=model_name, write=write, progress=each)
    finally:
        if write and done:
            what = {"first": str(period.first), "last": str(period.last), "prices of": prices_of, "requests": done}
            of_model = {"model": model_name} if model_name is not None else {}
            audit.record("usage repriced", changes={**what, **of_model, **noted}, who=who)


def _pages(period: Period, model_name: str | None) -> Iterator[list[RequestLog]]:
    rows = RequestLog.objects.filter(started_at__lt=period.end, attempts__gt=0).order_by("started_at", "id")
    if model_name is not None:
        rows = rows.filter(model_name=model_name)
    page = list(rows.filter(started_at__gte=period.start)[:PAGE])
    while page:
        yield page
        last = page[-1]
        following = rows.filter(started_at__gte=last.started_at)
        page = list(following.exclude(started_at=last.started_at, id__lte=last.id)[:PAGE])


def _attempts(requests: list[UUID]) -> dict[UUID, list[AttemptLog]]:
    found: dict[UUID, list[AttemptLog]] = defaultdict(list)
    for row in AttemptLog.objects.filter(request_log_id__in=requests):
        found[row.request_log_id].append(row)
    return found


def _cost(row: AttemptLog | RequestLog, schedules: Schedules, moment: datetime) -> Decimal | None:
    parts: Parts | None = parts_of_row(in_force(schedules.get(row.model_id or 0, ()), moment.timestamp()), row)
    return None if parts is None else to_dollars(sum(parts))


def _sum(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _add(line: Repriced, row: RequestLog) -> None:
    line.requests += 1
    line.unpriced += row.repriced_cost is None
    line.cost += row.cost or 0
    line.repriced_cost += row.repriced_cost or 0
