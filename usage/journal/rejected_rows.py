"""What becomes of a finished request that the database rejects: it is set aside with the error, and its money counts.

Functions are called inside the writer's transaction, or make one. They raise OperationalError or InterfaceError while
the database is unavailable.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from access import audit
from usage import sqlite
from usage.budgets import spending
from usage.journal import texts
from usage.journal.records import AttemptRecord, Finished, RequestRecord, complete
from usage.models import SetAside

logger = logging.getLogger("gateway.usage")

_ANY = "SELECT 1 FROM usage_setaside LIMIT 1"


def set_aside(finished: Finished, error: Exception) -> bool:
    """Stores a rejected request, and counts what it cost in the windows of its budgets; returns whether it is new."""
    request, attempts = finished
    with transaction.atomic():
        if SetAside.objects.filter(request_id=request.request_id).exists():
            return False
        SetAside.objects.create(
            request_id=request.request_id,
            cause=texts.cutter(1_000)(str(error)),
            payload=texts.without_nul({"request": complete(request), "attempts": [complete(one) for one in attempts]}),
            counted=_count(request, attempts),
        )
    logger.error(
        "the database refused a usage row: it is set aside",
        extra={"fields": {"request_id": request.request_id, "cause": str(error)}},
    )
    return True


def lock(requests: Sequence[RequestRecord]) -> None:
    """Call it before requests are inserted of which some may be set aside: `take_back` writes to the audit about those
    alone, whose lock comes before all others."""
    if requests and not sqlite.finds_none(_ANY) and _of(request.request_id for request in requests).exists():
        audit.lock()


def take_back(requests: Sequence[RequestRecord]) -> dict[UUID, dict[int, int]]:
    """Removes from what is set aside the requests that have been inserted now; returns what windows count of them."""
    if not requests or sqlite.finds_none(_ANY):
        return {}
    identities = {request.request_id: request.id for request in requests}
    rows = list(_of(identities))
    counted = {
        identities[row.request_id]: {int(window): int(amount) for window, amount in row.counted.items()}
        for row in rows
        if row.counted is not None
    }
    if rows:
        # A DELETE locks the audit, also one that finds nothing.
        _of(row.request_id for row in rows).delete()
    return counted


def _of(requests: Iterable[str]) -> QuerySet[SetAside]:
    return SetAside.objects.filter(request_id__in=list(requests))


def _count(request: RequestRecord, attempts: Sequence[AttemptRecord]) -> dict[int, int] | None:
    """Returns what each window counts of a request, None where that is rejected, too."""
    try:
        with transaction.atomic():
            return spending.add_rejected(request, attempts)
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ValueError, OverflowError) as error:
        logger.error(
            "what a usage row cost cannot be counted in budgets: what it reserved is held until its worker ends",
            extra={"fields": {"request_id": request.request_id, "cause": str(error)}},
        )
        return None
