"""How each provider did in the last 24 hours, and what each worker knows of it now: figures of the Health page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.urls import reverse

from access.permissions import Person, may
from providers.models import Provider
from proxysite.console.home.parts import recent_failures, strip
from proxysite.console.ranges import Range
from proxysite.state import overview
from usage.admin.filters import rows_url
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
    demos = {name for name, is_demo in enabled.items() if is_demo}
    attempts = may(reader, "usage.view_attemptlog")
    return {
        "providers": [_row(one, day, demos, attempts) for one in found.values()],
        "failures": recent_failures(day, _MOST_FAILURES),
    }


def _row(one: pulse.Provider, day: Range, demos: set[str], attempts: bool) -> dict[str, Any]:
    failed = sum(failures for _, failures in one.squares)
    return strip(one, day, demos) | {
        "error_rate": f"{failed / one.requests:.1%}" if one.requests else "",
        "has_failed": bool(failed),
        "failed_url": rows_url(day, provider=one.name, outcomes=query.ERRORS),
        "attempts_url": _failed_attempts(one.name, day) if attempts else "",
        "succeeded_at": _succeeded_at(one),
    }


def _failed_attempts(provider: str, day: Range) -> str:
    pairs = [*day.pairs(), ("provider", provider), ("outcome__exact", Outcome.FAILED.value)]
    return f"{reverse('admin:usage_attemptlog_changelist')}?{urlencode(pairs)}"


def _succeeded_at(one: pulse.Provider) -> datetime | None:
    """Returns when the last request began that the provider completed."""
    began = one.succeeded_in
    if began is None:
        return None
    rows = RequestLog.objects.filter(started_at__gte=began, started_at__lt=began + _HALF_HOUR)
    newest = rows.filter(provider_name=one.name, outcome=Outcome.COMPLETED).order_by("-started_at")
    found: datetime | None = newest.values_list("started_at", flat=True).first()
    # Its rows were pruned, or are not written yet: the half hour is known all the same.
    return found or began


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
