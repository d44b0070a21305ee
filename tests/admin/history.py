"""Usage rows of the past for tests of pages and reports; they go in by the one door that rows go in by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid_utils
from django.utils import timezone

from usage.journal.inserts import insert_attempts, insert_requests
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import upsert


def at(text: str) -> datetime:
    """A moment in UTC: `2026-03-01 12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def request_row(**fields: Any) -> UUID:
    """Insert one request, completed just now unless `fields` say otherwise; money in pico-dollars. Returns its id."""
    identity = fields.pop("id", None) or uuid_utils.uuid7()
    standard = {
        "started_at": timezone.now() - timedelta(seconds=1),
        "outcome": "completed",
        "request_id": f"req_{identity.hex}",
    }
    record = RequestRecord(id=identity, **{**standard, **fields})
    insert_requests([record])
    upsert.add([record])
    return identity


def attempt_row(request: UUID, number: int = 1, **fields: Any) -> UUID:
    """Insert one attempt of a request."""
    identity = uuid_utils.uuid7()
    standard = {"started_at": timezone.now(), "outcome": "completed"}
    insert_attempts([AttemptRecord(id=identity, request_log_id=request, number=number, **{**standard, **fields})])
    return identity
