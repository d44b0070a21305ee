"""The context of a request's page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from access.permissions import may
from usage.admin.request_page import facts
from usage.admin.request_page.cost import bills, prices_of
from usage.admin.request_page.facts import Links
from usage.admin.timeline import timeline
from usage.models import Outcome, RequestLog
from usage.reports import ending, sessions


def context(request: HttpRequest, row: RequestLog) -> dict[str, Any]:
    """Returns what templates/usage/request.html shows. Attempts are for those who may see attempts."""
    person = request.user
    may_see_attempts = may(person, "usage.view_attemptlog")
    places = timeline(row) if may_see_attempts else []
    attempts = [place.row for place in places]
    links = Links(person, row, attempts)
    session = session_url(row)
    return {
        "row": row,
        "sentence": ending.sentence(row, attempts),
        "variant": ending.VARIANTS[Outcome(row.outcome)],
        "may_see_attempts": may_see_attempts,
        "timeline": places,
        "bills": bills(attempts, prices_of(attempts)),
        "lost": [place for place in places if place.fidelity],
        "links": links,
        "session_url": session,
        "groups": [
            ("Answer", facts.of_answer(row, links)),
            ("Caller", facts.of_caller(row, links, session)),
            ("Tokens", facts.of_tokens(row)),
        ],
        "older": _neighbour(RequestLog.objects.filter(pk__lt=row.pk).order_by("-pk")),
        "newer": _neighbour(RequestLog.objects.filter(pk__gt=row.pk).order_by("pk")),
    }


def session_url(row: RequestLog) -> str:
    """Returns the URL of the session that a request belongs to, "" for none."""
    session_id = sessions.id_of(row)
    return "" if session_id is None else reverse("console:session", args=[session_id])


def _neighbour(rows: Any) -> str:
    found = rows.values_list("pk", flat=True).first()
    return "" if found is None else reverse("admin:usage_requestlog_change", args=[found])
