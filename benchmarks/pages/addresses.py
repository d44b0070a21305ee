"""The pages that are measured, by name, about rows that the database has."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from usage.admin.filters import rows_url
from usage.models import AttemptLog, RequestLog
from usage.reports.query import Period, last_days


def lists(browser: Client) -> Iterator[tuple[str, str]]:
    """Yields the list of requests: its pages and each filter by itself, over 30 days."""
    days, row = last_days(30), _typical()
    month = days.first.replace(day=1)
    past = Period((month - timedelta(days=1)).replace(day=1), month - timedelta(days=1))
    yield "requests, 24 hours", rows_url()
    yield "requests, 30 days", rows_url(days)
    yield "requests, 30 days, second page", _older(browser, rows_url(days))
    yield "requests, a past month", rows_url(past)
    yield "by session", f"{rows_url(days)}&group=session"
    filters: dict[str, Any] = {
        "team": row.team_id, "key": row.key_id, "owner": row.owner_id, "client": row.client_name,
        "route": row.route_name, "provider": row.provider_name, "model": row.model_name,
    }  # fmt: skip
    for name, value in filters.items():
        yield f"filter {name}", rows_url(days, **{name: value})
    yield "filter model, no row", rows_url(days, model="no such model")
    yield "filter outcome", rows_url(days, outcomes=["refused"])
    yield "filter known figure", rows_url(days, known="unpriced")
    yield "filter fidelity", rows_url(days, fidelity="(any)")
    yield "search, request", rows_url(q=row.request_id)
    yield "search, session", rows_url(q=row.session_id)
    yield "search, no row", rows_url(q="no such id")
    yield "attempts, 24 hours", _list(AttemptLog)
    yield "attempts, filter model, no row", f"{_list(AttemptLog)}?range=30d&model=no+such+model"
    yield "values of the filter key", f"{_list(RequestLog)}choices/?range=30d&of=key&part=1"
    yield "sheet", reverse("admin:usage_requestlog_sheet", args=[row.pk])


def _typical() -> RequestLog:
    """Returns a newer request of a session and a provider."""
    rows = RequestLog.objects.exclude(session_id="").exclude(provider_name="").exclude(owner_id=None)
    found: RequestLog = rows.order_by("-id")[:100][99]
    return found


def _older(browser: Client, url: str) -> str:
    found = re.search(rb'href="([^"]*)" rel="next"', browser.get(url).content)
    assert found is not None
    return _list(RequestLog) + html.unescape(found[1].decode())


def _list(model: type[Model]) -> str:
    return reverse(f"admin:usage_{model._meta.model_name}_changelist")
