"""Rollups of days alone: attempts by provider, requests by tags and by client."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import msgspec
from django.db.models import Model, QuerySet
from django.utils import timezone

from usage.rollups.models import AttemptRollup, ClientRollup, TagRollup


class Daily(msgspec.Struct, frozen=True):
    """A table of days, which are those of TIME_ZONE, or of UTC."""

    model: type[Model]
    in_utc: bool = False


ATTEMPTS: Final = Daily(AttemptRollup, in_utc=True)
TAGS: Final = Daily(TagRollup)
CLIENTS: Final = Daily(ClientRollup)


def rollups(of: Daily, since: datetime, until: datetime) -> QuerySet[Any]:
    """Returns the rollups of all days that have a part in a range."""
    zone = UTC if of.in_utc else timezone.get_default_timezone()
    first, last = (moment.astimezone(zone).date() for moment in (since, until - timedelta(microseconds=1)))
    begin, end = (datetime.combine(day, time(), tzinfo=zone) for day in (first, last + timedelta(days=1)))
    rows: QuerySet[Any] = of.model._default_manager.filter(starts_at__gte=begin, starts_at__lt=end)
    return rows.order_by()
