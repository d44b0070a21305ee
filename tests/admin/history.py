"""Usage rows of the past for tests of pages and reports; they go in by the one door that rows go in by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from tests.usage.dated import identity
from usage.journal.inserts import insert_attempts, insert_requests
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import upsert

_TIMEOUTS = ("connect_timeout", "first_event_timeout", "idle_timeout", "total_timeout")
UNSAVED_PROVIDER = {
    "name": "new", "dialect": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "is_local": "on",
    **dict.fromkeys(_TIMEOUTS, 1),
}  # fmt: skip
"""What the form of a new provider sends, of one where nobody listens."""


def at(text: str) -> datetime:
    """A moment in UTC: `2026-03-01 12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def request_row(**fields: Any) -> UUID:
    """Insert one request, completed just now unless `fields` say otherwise; money in pico-dollars. Returns its id, of
    the moment when it started."""
    started_at = fields.setdefault("started_at", timezone.now() - timedelta(seconds=1))
    id = fields.pop("id", None) or identity(started_at)
    standard = {
        "outcome": "completed",
        "request_id": f"req_{id.hex}",
    }
    record = RequestRecord(id=id, **{**standard, **fields})
    insert_requests([record])
    upsert.add([record])
    return id


def attempt_row(request: UUID, number: int = 1, **fields: Any) -> UUID:
    """Insert one attempt of a request, which got its id when it began."""
    started_at = fields.setdefault("started_at", timezone.now())
    values = {"outcome": "completed", **fields}
    record = AttemptRecord(id=identity(started_at), request_log_id=request, number=number, **values)
    insert_attempts([record])
    upsert.add([], [record])
    return record.id
