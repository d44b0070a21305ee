"""Usage records of any moment, and where their rows are."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from usage.journal.inserts import insert
from usage.journal.records import AttemptRecord, RequestRecord


def identity(moment: datetime) -> UUID:
    """A UUIDv7 that was made then."""
    chance = secrets.randbits(74)
    ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=(ms << 80) | (7 << 76) | (chance >> 62 << 64) | (2 << 62) | (chance & (2**62 - 1)))


def request(moment: datetime, **fields: Any) -> RequestRecord:
    """A completed request of that moment."""
    one = identity(moment)
    standard = {"started_at": moment, "outcome": "completed", "request_id": f"req_{one.hex}"}
    return RequestRecord(id=one, **{**standard, **fields})


def attempt(of: RequestRecord, **fields: Any) -> AttemptRecord:
    """Its attempt."""
    standard = {"started_at": of.started_at, "outcome": of.outcome, "request_log_id": of.id, "number": 1}
    return AttemptRecord(id=identity(of.started_at), **{**standard, **fields})


def day(text: str) -> datetime:
    """A moment in UTC, such as 2026-03-01 or 2026-03-01T12:00:00.001."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def written(*days: str) -> list[UUID]:
    """Insert a request with one attempt for each moment; returns the requests' ids."""
    requests = [request(day(text)) for text in days]
    with transaction.atomic():
        insert(requests, [attempt(one) for one in requests])
    return [one.id for one in requests]


def table_of(request_id: UUID) -> str:
    """On PostgreSQL: which partition holds a request."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_requestlog WHERE id = %s", [request_id])
        return str(cursor.fetchone()[0])
