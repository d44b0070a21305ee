"""Stores which fields clients lost lately, for the providers' pages: each worker adds what it counted, now and then."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from providers.client_fields import lately
from providers.models import DroppedField, Provider

logger = logging.getLogger("gateway.snapshot")

MOST = 30
"""How many names a provider's page shows."""


def store() -> None:
    """Adds this process's counts to the rows. While the database is away they are lost: nothing depends on them."""
    dropped = lately.taken()
    if not dropped:
        return
    try:
        with transaction.atomic():
            _store(dropped, timezone.now())
    except DatabaseError as error:
        logger.info("dropped fields were not stored", extra={"fields": {"cause": type(error).__name__}})
        connection.close()


def _store(dropped: lately.Dropped, now: datetime) -> None:
    by_provider: dict[int, dict[str, int]] = defaultdict(dict)
    for (provider, name), times in dropped.items():
        by_provider[provider][name] = times
    for provider in Provider.objects.filter(pk__in=by_provider).values_list("pk", flat=True):
        rows = DroppedField.objects.filter(provider=provider)
        names = sorted(by_provider[provider])
        # In one order everywhere, so that no two workers wait for each other.
        DroppedField.objects.bulk_create(
            [DroppedField(provider_id=provider, name=name) for name in names], ignore_conflicts=True
        )
        for name in names:
            rows.filter(name=name).update(times=F("times") + by_provider[provider][name], last_at=now)
        rows.exclude(pk__in=list(rows.values_list("pk", flat=True)[:MOST])).delete()
