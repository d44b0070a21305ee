"""How busy the gateway is at its busiest."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum

from usage.rollups.models import UsageRollup


def busiest_quarter_hour(since: datetime) -> int:
    """Returns the most requests that began in a quarter of an hour since then. Raises django.db.Error."""
    spans = UsageRollup.objects.filter(overall=True, starts_at__gte=since).values("starts_at")
    busiest = spans.annotate(total=Sum("requests")).order_by("-total").first()
    return 0 if busiest is None else int(busiest["total"])
