"""Usage for home to show."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import Team
from tests.admin.history import request_row


@pytest.fixture
def usage() -> dict[str, Any]:
    """Rows of now, of ten days ago and of long ago, of two teams and two models."""
    search, mobile = Team.objects.create(name="Search"), Team.objects.create(name="Mobile")
    now = timezone.now()
    one = {"provider_name": "p", "model_name": "m", "team_id": search.pk, "team_name": "Search", "key_id": 1}
    two = {"provider_name": "q", "model_name": "n", "team_id": mobile.pk, "team_name": "Mobile", "key_id": 2}
    busy = {"http_status": 529, "error_type": "overloaded_error", "sentence_code": "provider_overloaded"}
    rows: list[tuple[datetime, dict[str, Any]]] = [
        (now, {**one, "input_tokens": 100, "output_tokens": 10, "cost": 10**12, "time_to_first_token_ms": 300}),
        (now, {**one, **busy, "outcome": "failed"}),
        (now, {**one, "outcome": "client_closed"}),
        (now - timedelta(days=10), {**two, "input_tokens": 20_000, "cost": 5 * 10**11, "time_to_first_token_ms": 900}),
        (now - timedelta(days=10), {**two, "outcome": "refused"}),
        (now - timedelta(days=40), {**two, "input_tokens": 7, "cost": 10**12}),
    ]
    for started_at, fields in rows:
        request_row(started_at=started_at, **fields)
    return {"search": search, "mobile": mobile}
