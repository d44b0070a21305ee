"""When a client key was last used: at its newest request, or in its newest quarter hour where the rows are pruned."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from usage.models import RequestLog
from usage.rollups.models import UsageRollup


def with_last_use(keys: QuerySet[Any]) -> QuerySet[Any]:
    """Returns client keys with `last_use`, None for never; by the indexes on (key_id, time)."""
    # A range of one key, in the whole order of its index: for an equal key PostgreSQL may walk the index by time, which
    # of a key that is never used is all of it.
    rows = RequestLog.objects.filter(key_id__range=(OuterRef("pk"), OuterRef("pk")))
    request = rows.order_by("-key_id", "-started_at")
    rollup = UsageRollup.objects.filter(key_id=OuterRef("pk")).order_by("-starts_at")
    last_use = Coalesce(Subquery(request.values("started_at")[:1]), Subquery(rollup.values("starts_at")[:1]))
    annotated: QuerySet[Any] = keys.annotate(last_use=last_use)
    return annotated
