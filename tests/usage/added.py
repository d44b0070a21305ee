"""Requests as the writer stores them, and what the rollups must then hold, computed from rows in the simplest way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import strategies as st

from access.tags import CLAIMED, OTHERS, set_id
from tests.usage.dated import identity
from usage.journal.inserts import insert
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import AttemptLog, Outcome, RequestLog
from usage.rollups import upsert
from usage.rollups.histogram import bin_of
from usage.rollups.models import (
    AttemptRollup,
    ClientRollup,
    DailyRollup,
    MonthRollup,
    SessionSummary,
    TagRollup,
    UsageRollup,
)

NAMES = (
    "team_id", "team_name", "key_id", "key_name", "route_id", "route_name", "provider_id", "provider_name", "model_id",
    "model_name", "outcome", "owner_id", "owner_name",
)  # fmt: skip
OF_ATTEMPT = (
    "provider_id", "provider_name", "credential_id", "credential_name", "model_id", "model_name", "outcome",
)  # fmt: skip
BY_TEAM: dict[Any, tuple[str, ...]] = {
    TagRollup: ("team_id", "team_name", "tags_id", "outcome"),
    ClientRollup: ("team_id", "team_name", "client_name", "client_version", "outcome"),
}
OF_KEY = ("key_id", "key_name", "owner_id", "owner_name")
SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches", "cost", "input_cost", "cache_read_cost", "cache_write_cost", "output_cost",
    "other_cost", "provider_cost",
)  # fmt: skip

_IDS = (None, 1, 2, 3)
_TEXTS = ("", "a", "b", "Zoë 💰", "nul\0nul", "x" * 300, "x" * 301, '"\\u0000%s')
_SETS: tuple[list[str], ...] = ([], ["a"], ["a", "claimed:b"])
_BEYOND = tuple((set_id([*own, OTHERS]), [*own, f"claimed:{name}"]) for own in ([], ["z"]) for name in "cd")
_TAGS = ((None, None), *_BEYOND, *((set_id(tags), tags) for tags in _SETS))
_EVENING = datetime.fromisoformat("2026-03-28T20:00+00:00")
_HOURS = 8


def record(seed: int, of: datetime = _EVENING) -> RequestRecord:
    """Any request of eight hours from a moment, of an evening in which clocks change unless another is given; the seed
    decides which."""
    chance = Random(seed)
    # At times one microsecond before, at or after the beginning of a quarter of an hour.
    near = timedelta(minutes=15 * chance.randrange(1, _HOURS * 4), microseconds=chance.randint(-1, 1))
    moment = of + chance.choice((near, timedelta(hours=_HOURS) * chance.random()))
    fields: dict[str, Any] = {
        name: chance.choice(_IDS if name.endswith("_id") else _TEXTS) for name in NAMES if name != "outcome"
    }
    fields |= {name: chance.choice((None, 0, 1, chance.randint(0, 10**15))) for name in SUMS}
    fields["tags_id"], fields["tags"] = chance.choice(_TAGS)
    fields |= {name: chance.choice(("", "claude-cli", "2.0", "v" * 50)) for name in ("client_name", "client_version")}
    times = ("time_to_first_token_ms", "duration_ms")
    fields |= {name: chance.choice((None, 0, chance.randint(0, 10**6))) for name in times}
    return RequestRecord(
        id=identity(moment), started_at=moment, outcome=chance.choice(Outcome.values),
        session_id=chance.choice(_TEXTS), attempts=chance.randint(0, 3), estimated=chance.random() < 0.5, **fields,
    )  # fmt: skip


records = st.integers(0, 2**32).map(record)
"""Hypothesis draws one number a request and not thirty, which cost more than writing its row."""


def attempts_of(one: RequestRecord) -> list[AttemptRecord]:
    """Any attempts of a request, of the same evening."""
    chance, made = Random(one.id.int), []
    for number in range(1, one.attempts + 1):
        moment = one.started_at + timedelta(seconds=number)
        fields: dict[str, Any] = {name: chance.choice(_IDS if name.endswith("_id") else _TEXTS) for name in OF_ATTEMPT}
        fields |= {name: chance.choice((None, 0, chance.randint(0, 10**15))) for name in SUMS}
        fields |= {"outcome": chance.choice(Outcome.values), "estimated": chance.random() < 0.5}
        made.append(
            AttemptRecord(id=identity(moment), request_log_id=one.id, number=number, started_at=moment, **fields)
        )
    return made


def store(requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord] = ()) -> set[UUID]:
    """What the writer does with a batch."""
    with transaction.atomic():
        new = insert(requests, attempts)
        upsert.add([one for one in requests if one.id in new], [one for one in attempts if one.id in new])
    return new


def _figure(rows: Sequence[Any], name: str) -> Any:
    """A count or a sum over requests or attempts."""
    if name == "unknown_tokens":
        return sum(row.input_tokens is None or row.output_tokens is None for row in rows)
    if name == "unknown_cost":
        return sum(row.cost is None for row in rows)
    if name == "estimated":
        return sum(row.estimated for row in rows)
    known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return sum(known) if known else None


def counted(rows: Sequence[RequestLog]) -> dict[str, Any]:
    """Counts and sums over rows of requests."""
    found = {name: _figure(rows, name) for name in ("unknown_tokens", "unknown_cost", "estimated", *SUMS)}
    return {"requests": len(rows), "attempts": sum(row.attempts for row in rows), **found}


def _bins(rows: Sequence[RequestLog], name: str) -> dict[str, int]:
    bins: dict[str, int] = defaultdict(int)
    for row in rows:
        if getattr(row, name) is not None:
            bins[str(bin_of(getattr(row, name)))] += 1
    return dict(bins)


def _without(row: RequestLog, left_out: Sequence[str]) -> tuple[Any, ...]:
    empty = {name: None if name.endswith("_id") else "" for name in left_out}
    return tuple(empty[name] if name in empty else getattr(row, name) for name in NAMES)


def from_rows(
    start_of: Callable[[datetime], datetime], *, with_keyless: bool = False
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What rollups must hold, by (start, level, dimensions), where `start_of` tells the start of a row's span."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.all():
        start = start_of(row.started_at)
        groups[start, "", *_without(row, ())].append(row)
        groups[start, "overall", *_without(row, [name for name in NAMES if name != "outcome"])].append(row)
        if with_keyless:
            groups[start, "keyless", *_without(row, OF_KEY)].append(row)
    return {key: _with_bins(rows) for key, rows in groups.items()}


def stored(model: type[UsageRollup] | type[DailyRollup] | type[MonthRollup]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What rollups do hold, in the same form."""
    found = {}
    for row in model._default_manager.all():
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        levels = [name for name in ("overall", "keyless", "of_key") if values.pop(name, False)]
        key = (values.pop("starts_at"), "".join(levels), *(values.pop(name) for name in NAMES))
        del values["id"]
        assert key not in found
        found[key] = values
    return found


def months_of_rows(start_of: Callable[[datetime], datetime]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What months must hold, by (start, level, dimensions)."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.all():
        groups[start_of(row.started_at), "", *_without(row, ("key_id", "key_name"))].append(row)
        groups[start_of(row.started_at), "keyless", *_without(row, OF_KEY)].append(row)
        by_key = {"team_id", "team_name", *OF_KEY, "outcome"}
        groups[start_of(row.started_at), "of_key", *_without(row, [n for n in NAMES if n not in by_key])].append(row)
    return {key: _with_bins(rows) for key, rows in groups.items()}


def _with_bins(rows: Sequence[RequestLog]) -> dict[str, Any]:
    bins = {"first_token_bins": "time_to_first_token_ms", "duration_bins": "duration_ms"}
    return {**counted(rows), **{name: _bins(rows, source) for name, source in bins.items()}}


def _age(row: RequestLog) -> tuple[Any, ...]:
    return row.started_at, row.team_name, row.key_name, row.owner_name, row.owner_id or -1


def sessions_of_rows() -> dict[tuple[Any, ...], dict[str, Any]]:
    """What session summaries must hold, by (team, key, session)."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.exclude(session_id=""):
        groups[row.team_id, row.key_id, row.session_id].append(row)
    found = {}
    for key, rows in groups.items():
        newest = max(rows, key=_age)
        found[key] = {
            **counted(rows),
            "errors": sum(row.outcome in {"failed", "refused", "interrupted"} for row in rows),
            "first_seen": min(row.started_at for row in rows),
            "last_seen": newest.started_at,
            "team_name": newest.team_name,
            "key_name": newest.key_name,
            "owner_id": newest.owner_id,
            "owner_name": newest.owner_name,
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


def attempts_of_rows() -> dict[tuple[Any, ...], dict[str, Any]]:
    """What the days of attempts must hold, by (start, dimensions)."""
    groups: dict[tuple[Any, ...], list[AttemptLog]] = defaultdict(list)
    for row in AttemptLog.objects.all():
        start = datetime.fromtimestamp((row.id.int >> 80) / 1000, UTC).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        groups[start, *(getattr(row, name) for name in OF_ATTEMPT)].append(row)
    found = {}
    for key, rows in groups.items():
        found[key] = {"attempts": len(rows)}
        for name in ("unknown_tokens", "unknown_cost", "estimated", *SUMS):
            found[key][name] = _figure(rows, name)
    return found


def by_team_of_rows(
    start_of: Callable[[datetime], datetime], model: type[TagRollup] | type[ClientRollup]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What a rollup by team must hold, by (start, team, what it is about, outcome)."""
    groups: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.all():
        key = start_of(row.started_at), *(getattr(row, name) for name in BY_TEAM[model])
        groups[key].append(row)
    found = {key: counted(rows) for key, rows in groups.items()}
    if model is TagRollup:
        for key, rows in groups.items():
            own = [tag for tag in rows[0].tags or () if not tag.startswith(CLAIMED)]
            is_beyond = rows[0].tags_id == set_id([*own, OTHERS])
            found[key]["tags"] = sorted([*own, OTHERS]) if is_beyond else rows[0].tags
    return found


def stored_by_team(model: type[TagRollup] | type[ClientRollup]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What it does hold, in the same form."""
    found = {}
    for row in model._default_manager.all():
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        del values["id"]
        key = (values.pop("starts_at"), *(values.pop(name) for name in BY_TEAM[model]))
        assert key not in found
        found[key] = values
    return found


def stored_attempts() -> dict[tuple[Any, ...], dict[str, Any]]:
    """What the days of attempts do hold, in the same form."""
    found = {}
    for row in AttemptRollup.objects.all():
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        del values["id"]
        key = (values.pop("starts_at"), *(values.pop(name) for name in OF_ATTEMPT))
        assert key not in found
        found[key] = values
    return found


def quarter(moment: datetime) -> datetime:
    """The quarter hour that a moment is in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def berlin_day(moment: datetime) -> datetime:
    """The midnight in Berlin before a moment."""
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def assert_rollups_match() -> None:
    """Every rollup holds what the rows add up to, days in Berlin's time."""
    assert stored_attempts() == attempts_of_rows()
    for model in (TagRollup, ClientRollup):
        assert stored_by_team(model) == by_team_of_rows(berlin_day, model)
    assert stored(UsageRollup) == from_rows(quarter)
    assert stored(DailyRollup) == from_rows(berlin_day, with_keyless=True)
    assert stored_sessions() == sessions_of_rows()
