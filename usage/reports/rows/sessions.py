"""Sessions that are too long to be read at once, such as one id that a script sends with every request."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, Sum, Value
from django.db.models.functions import Concat
from django.db.models.lookups import Exact

from usage.rollups.models import SessionSummary

LONGEST: Final = 5_000
"""Requests of a session that are read and sorted for a page."""


def is_long(session_id: str) -> bool:
    """Returns whether a session, under all keys together, has more than LONGEST requests."""
    summaries = SessionSummary.objects.filter(session_id=session_id).order_by()
    requests = summaries.aggregate(requests=Sum("requests"))["requests"]
    return (requests or 0) > LONGEST


def without_index(*session_ids: str) -> Q:
    """Returns the condition for rows of sessions that no index leads to: rows are read in order of time."""
    found = Q()
    for session_id in session_ids:
        # An expression is no column of an index.
        found |= Q(Exact(Concat("session_id", Value("")), session_id))
    return found
