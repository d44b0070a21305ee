"""Requests as the writer stores them, and what the rollups must then hold, computed from rows in the simplest way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import transaction
from hypothesis import strategies as st

from tests.usage.dated import identity
from usage.journal.inserts import insert
from usage.journal.records import RequestRecord
from usage.models import Outcome, RequestLog
from usage.rollups import upsert
from usage.rollups.histogram import bin_of
from usage.rollups.models import DailyRollup, SessionSummary, UsageRollup

NAMES = (
    "team_id", "team_name", "key_id", "key_name", "route_id", "route_name", "provider_id", "provider_name", "model_id",
    "model_name", "outcome",
)  # fmt: skip
SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches", "cost", "input_cost", "cache_read_cost", "cache_write_cost", "output_cost",
    "other_cost", "provider_cost",
)  # fmt: skip

_IDS = (None, 1, 2, 3)
_TEXTS = ("", "a", "b", "Zoë 💰", "nul\0nul", "x" * 300, "x" * 301, '"\\u0000%s')
_EVENING = datetime.fromisoformat("2026-03-28T20:00+00:00")
_HOURS = 8


def record(seed: int) -> RequestRecord:
    """Any request of one evening in which clocks change; the seed decides which."""
    chance = Random(seed)
    # At times one microsecond before, at or after the beginning of a quarter of an hour.
    near = timedelta(minutes=15 * chance.randrange(1, _HOURS * 4), microseconds=chance.randint(-1, 1))
    moment = _EVENING + chance.choice((near, timedelta(hours=_HOURS) * chance.random()))
    fields: dict[str, Any] = {name: chance.choice(_IDS if name.endswith("_id") else _TEXTS) for name in NAMES[:-1]}
    fields |= {name: chance.choice((None, 0, 1, chance.randint(0, 10**15))) for name in SUMS}
    times = ("time_to_first_token_ms", "duration_ms")
    fields |= {name: chance.choice((None, 0, chance.randint(0, 10**6))) for name in times}
    return RequestRecord(
        id=identity(moment), started_at=moment, outcome=chance.choice(Outcome.values),
        session_id=chance.choice(_TEXTS), attempts=chance.randint(0, 3), estimated=chance.random() < 0.5, **fields,
    )  # fmt: skip


records = st.integers(0, 2**32).map(record)
"""Hypothesis draws one number a request and not thirty, which cost more than writing its row."""


def store(requests: Sequence[RequestRecord]) -> set[UUID]:
    """What the writer does with a batch."""
    with transaction.atomic():
        new = insert(requests, [])
        upsert.add([request for request in requests if request.id in new])
    return new


def counted(rows: Sequence[RequestLog]) -> dict[str, Any]:
    """Counts, sums and histograms over rows."""
    found: dict[str, Any] = {
        "requests": len(rows),
        "attempts": sum(row.attempts for row in rows),
        "unknown_tokens": sum(row.input_tokens is None or row.output_tokens is None for row in rows),
        "unknown_cost": sum(row.cost is None for row in rows),
        "estimated": sum(row.estimated for row in rows),
    }
    for name in SUMS:
        known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        found[name] = sum(known) if known else None
    return found


def _bins(rows: Sequence[RequestLog], name: str) -> dict[str, int]:
    bins: dict[str, int] = defaultdict(int)
    for row in rows:
        if getattr(row, name) is not None:
            bins[str(bin_of(getattr(row, name)))] += 1
    return dict(bins)


def from_rows(start_of: Callable[[datetime], datetime]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What rollups must hold, by (start, overall, dimensions), where `start_of` tells the start of a row's span."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.all():
        start = start_of(row.started_at)
        groups[start, False, *(getattr(row, name) for name in NAMES)].append(row)
        groups[start, True, *(None if name.endswith("_id") else "" for name in NAMES[:-1]), row.outcome].append(row)
    return {
        key: {
            **counted(rows),
            "first_token_bins": _bins(rows, "time_to_first_token_ms"),
            "duration_bins": _bins(rows, "duration_ms"),
        }
        for key, rows in groups.items()
    }


def stored(model: type[UsageRollup] | type[DailyRollup]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What rollups do hold, in the same form."""
    found = {}
    for row in model._default_manager.all():
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        key = (values.pop("starts_at"), values.pop("overall"), *(values.pop(name) for name in NAMES))
        del values["id"]
        found[key] = values
    return found


def sessions_of_rows() -> dict[tuple[Any, ...], dict[str, Any]]:
    """What session summaries must hold, by (team, key, session)."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.exclude(session_id=""):
        groups[row.team_id, row.key_id, row.session_id].append(row)
    found = {}
    for key, rows in groups.items():
        newest = max(rows, key=lambda row: (row.started_at, row.team_name, row.key_name))
        found[key] = {
            **counted(rows),
            "errors": sum(row.outcome in {"failed", "refused", "interrupted"} for row in rows),
            "first_seen": min(row.started_at for row in rows),
            "last_seen": newest.started_at,
            "team_name": newest.team_name,
            "key_name": newest.key_name,
        }
    return found


def stored_sessions() -> dict[tuple[Any, ...], dict[str, Any]]:
    """What session summaries do hold, in the same form."""
    found = {}
    for row in SessionSummary.objects.all():
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        del values["id"]
        found[values.pop("team_id"), values.pop("key_id"), values.pop("session_id")] = values
    return found
