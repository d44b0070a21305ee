"""What chose the routes of the newest requests: how often each phase did, and what in it.

Rows hold the phase and what matched, without an index on them. So a bounded number of the newest rows is read, and the
answer says how far back they reach.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db.models import Count

from usage.models import RequestLog

MOST = 20_000
"""Requests that are read at most."""


class Matched(msgspec.Struct, frozen=True):
    """Requests that one thing decided on: `rule` is what matched in `phase`, both "" where nothing chose."""

    phase: str
    rule: str
    team_id: int | None
    request_model: str
    requests: int


class Decisions(msgspec.Struct, frozen=True):
    """What was read: all requests since `since`, or where `is_cut` the newest of them, back to `since`."""

    since: datetime
    is_cut: bool
    matched: list[Matched]


def decisions(since: datetime, most: int = MOST) -> Decisions:
    """Returns what decided on the requests since then, the newest `most` at most."""
    rows = RequestLog.objects.filter(started_at__gte=since).order_by("-started_at")
    oldest = rows.values_list("started_at", flat=True)[most - 1 : most].first()
    if oldest is not None:
        rows = rows.filter(started_at__gte=oldest)
    groups = rows.order_by().values_list("phase", "rule", "team_id", "request_model").annotate(count=Count("pk"))
    return Decisions(oldest or since, oldest is not None, [Matched(*group) for group in groups])
