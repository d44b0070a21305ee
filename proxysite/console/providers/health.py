"""How each provider did in the last 24 hours, and what each worker knows of it now: figures of the Health page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import QuerySet, Subquery

from access.permissions import Person, may
from providers.models import Provider
from proxysite.console.home.parts import recent_failures, strip
from proxysite.console.ranges import Range
from proxysite.state import overview
from usage.admin.filters import attempts_url, rows_url
from usage.models import Outcome, RequestLog
from usage.reports import pulse, query

_HALF_HOUR = timedelta(minutes=30)
_MOST_FAILURES = 8
_NO_REQUESTS = pulse.Provider("", [(0, 0)] * pulse.HALF_HOURS, None, 0, None)


def of_day(until: datetime, reader: Person) -> dict[str, Any]:
    """Returns a row per provider that is enabled or had requests, and the last failures; nothing for those who may not
    see requests."""
    if not may(reader, "usage.view_requestlog"):
        return {}
    day = Range(*pulse.day_until(until))
    enabled = dict(Provider.objects.filter(enabled=True).values_list("name", "is_demo"))
    found = {one.name: one for one in pulse.providers(day.since, day.until)}
    for name in sorted(enabled.keys() - found.keys()):
        found[name] = msgspec.structs.replace(_NO_REQUESTS, name=name)
    succeeded = _succeeded(found.values())
    demos = {name for name, is_demo in enabled.items() if is_demo}
    attempts = may(reader, "usage.view_attemptlog")
    return {
        "providers": [
            _row(one, day, demos, attempts) | {"succeeded_at": succeeded.get(one.name)} for one in found.values()
        ],
        "failures": recent_failures(day, _MOST_FAILURES),
    }


def _row(one: pulse.Provider, day: Range, demos: set[str], attempts: bool) -> dict[str, Any]:
    failed = sum(failures for _, failures in one.squares)
    return strip(one, day, demos) | {
        "error_rate": f"{100 * failed / one.requests:.1f} %" if one.requests else "",
        "has_failed": bool(failed),
        "failed_url": rows_url(day, provider=one.name, outcomes=query.ERRORS),
        "attempts_url": attempts_url(day, provider=one.name, outcome__exact=Outcome.FAILED.value) if attempts else "",
    }


def _succeeded(found: Iterable[pulse.Provider]) -> dict[str, datetime]:
    """Returns when the last request began that each provider completed."""
    # Where the rows were pruned, or are not written yet, the half hour is known all the same.
    began = {one.name: one.succeeded_in for one in found if one.succeeded_in is not None}
    newest: list[Any] = [Subquery(_newest(name, since).values("pk")[:1]) for name, since in began.items()]
    rows = RequestLog.objects.filter(pk__in=newest).order_by()
    return began | dict(rows.values_list("provider_name", "started_at"))


def _newest(provider: str, began: datetime) -> QuerySet[RequestLog]:
    rows = RequestLog.objects.filter(started_at__gte=began, started_at__lt=began + _HALF_HOUR)
    return rows.filter(provider_name=provider, outcome=Outcome.COMPLETED).order_by("-started_at")


class Now(msgspec.Struct):
    """What the workers know of one circuit's candidate or credential: attempts in flight of all of them, and each
    worker's milliseconds to the first token."""

    in_flight: int = 0
    first_token: dict[str, int] = {}


def now() -> tuple[dict[str, Now], int]:
    """Returns the figures by the key of the circuit, and how many workers they are of."""
    alive = [one for one in overview.processes() if one.is_alive and one.kind == "gateway"]
    found: dict[str, Now] = {}
    for worker in alive:
        for key, (in_flight, first_token_ms) in worker.facts.candidates.items():
            one = found.setdefault(key, Now())
            one.in_flight += in_flight
            if first_token_ms is not None:
                one.first_token[worker.name] = first_token_ms
        for key, in_flight in worker.facts.credentials.items():
            found.setdefault(key, Now()).in_flight += in_flight
    return found, len(alive)
