"""Made-up usage rows of past months, for measurements and for trying out reports. The same seed gives the same rows.

Their teams, keys and so on have ids from 900,001 up and names of their own, so they mix with no real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from math import exp
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from access.tags import set_id
from usage.journal.records import AttemptRecord, Finished, RequestRecord, set_cost
from usage.rollups.generated import copier
from usage.rollups.measures import COST_PARTS

SLICE = 2_500
"""Requests of a slice, at most. Another number gives other rows."""
_FIRST_ID = 900_001
_HOUR_MS = 3_600_000
_BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 14, 16, 18, 18, 16, 12, 8, 6, 5, 4, 3, 2)
"""The share of each hour (UTC) of a working day; weekends have a fifth of it."""
_TEAMS, _KEYS, _OWNERS, _VERSIONS = 8, 60, 25, 9

_NORTH, _SOUTH = (_FIRST_ID, "invented-north"), (_FIRST_ID + 1, "invented-south")
# Name, name at the provider, provider, dialect, weight, and pico-dollars per token of input, cache read, cache write,
# output.
_MODELS = (
    ("large", "invented/large", _NORTH, "anthropic", 25, (3_000_000, 300_000, 3_750_000, 15_000_000)),
    ("small", "invented/small", _NORTH, "anthropic", 40, (1_000_000, 100_000, 1_250_000, 5_000_000)),
    ("open-120b", "invented/open-120b", _SOUTH, "openai_chat", 25, (90_000, 90_000, 0, 450_000)),
    ("open-coder", "invented/open-coder", _SOUTH, "openai_chat", 10, (220_000, 220_000, 0, 950_000)),
)
_DECISIONS: list[dict[str, Any]] = [{"reasons": [["exact name", model[0]]], "dropped": []} for model in _MODELS]
# Outcome, weight, status, error type, stop reason.
_ENDS = (
    ("completed", 940, 200, "", "end_turn"),
    ("failed", 20, 529, "overloaded_error", ""),
    ("refused", 10, 429, "rate_limit_error", ""),
    ("client_closed", 20, None, "", ""),
    ("interrupted", 10, None, "", ""),
)
_SENTENCES = {"failed": "provider_overloaded", "refused": "too_many_requests", "interrupted": "shutdown"}
# Of the keys in turn; the last one's client names a project.
_TAGS: tuple[tuple[str, ...], ...] = ((), ("ci",), ("ci", "nightly"), ("claimed:project-{key}", "web"))

_SHARED = (
    "sentence_code",
    "started_at", "outcome", "http_status", "error_type", "stop_reason", "duration_ms", "provider_id", "provider_name",
    "model_id", "model_name", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost",
    "time_to_first_token_ms", *COST_PARTS,
)  # fmt: skip
_copy_shared = copier((name, name) for name in _SHARED)


class _Caller(msgspec.Struct):
    key: int
    team: int
    session: str
    client: tuple[str, str]
    owner: int | None
    tags: list[str]
    tags_id: UUID


class Slice(msgspec.Struct, frozen=True):
    """A stretch of time and its requests: it can be made without the ones before."""

    seed: int
    number: int
    pieces: tuple[tuple[float, float, int], ...]
    """Of an hour: from when (Unix milliseconds), how long, and how many requests."""


def rows(count: int, since: datetime, until: datetime, seed: int) -> Iterator[Finished]:
    """Yields `count` requests with their attempts in order of time, from `since` to before `until`."""
    return chain.from_iterable(map(rows_of, slices(count, since, until, seed)))


def slices(count: int, since: datetime, until: datetime, seed: int) -> list[Slice]:
    """Divides the same requests into slices of SLICE at most."""
    found: list[list[tuple[float, float, int]]] = []
    room = 0
    for piece in _pieces(count, since, until):
        if piece[2] > room:
            found.append([])
            room = SLICE
        found[-1].append(piece)
        room -= piece[2]
    return [Slice(seed, number, tuple(pieces)) for number, pieces in enumerate(found)]


def rows_of(part: Slice) -> Iterator[Finished]:
    """Yields the requests of a slice with their attempts in order of time."""
    # What is the same in all slices.
    random = Random(part.seed)  # noqa: S311
    clients = random.choices((("claude-cli", "2.1.33"), ("Anthropic/Python", "0.8"), ("curl", "8.")), k=_KEYS)
    # A few keys do most of the work.
    busy = random.choices(range(_KEYS), [1 / (rank + 1) for rank in range(_KEYS)], k=1_000)
    models = random.choices(range(len(_MODELS)), [model[4] for model in _MODELS], k=1_000)
    ends = random.choices(_ENDS, [end[1] for end in _ENDS], k=1_000)
    # What is not.
    random = Random(f"{part.seed} {part.number}")  # noqa: S311
    callers = [_caller(key, client, _session(random)) for key, client in enumerate(clients)]
    for first, length, count in part.pieces:
        for moment in sorted(int(first + random.random() * length) for _ in range(count)):
            caller = callers[busy[int(random.random() * 1_000)]]
            if random.random() < 0.03:
                caller.session = _session(random)
            yield _row(moment, caller, models[int(random.random() * 1_000)], ends[int(random.random() * 1_000)], random)


def _caller(key: int, client: tuple[str, str], session: str) -> _Caller:
    """Every third key is a service key, which has no owner."""
    tags = [tag.format(key=key) for tag in _TAGS[key % len(_TAGS)]]
    owner = None if key % 3 == 2 else key % _OWNERS
    client = client[0], f"{client[1]}{key % _VERSIONS}"
    return _Caller(key, key % _TEAMS, session, client, owner, tags, set_id(tags))


def _pieces(count: int, since: datetime, until: datetime) -> Iterator[tuple[float, float, int]]:
    """Yields the hours, or parts of them, that have requests: SLICE at most."""
    first, last = int(since.timestamp() * 1000), int(until.timestamp() * 1000)
    hours = list(range(first, last, _HOUR_MS))
    weights = []
    for hour in hours:
        moment = datetime.fromtimestamp(hour / 1000, UTC)
        weights.append(_BY_HOUR[moment.hour] * (0.2 if moment.weekday() >= 5 else 1.0))
    total, so_far, done = sum(weights), 0.0, 0
    for hour, weight in zip(hours, weights, strict=True):
        so_far += weight
        due = round(count * so_far / total) - done
        parts = -(-due // SLICE)
        for part in range(parts):
            length = min(_HOUR_MS, last - hour) / parts
            yield hour + part * length, length, due * (part + 1) // parts - due * part // parts
        done += due


def _row(ms: int, caller: _Caller, model: int, end: tuple[str, int, int | None, str, str], random: Random) -> Finished:
    outcome, _, status, error, stop = end
    name, served, provider, dialect, _, prices = _MODELS[model]
    identity, started = _identity(ms, random), datetime.fromtimestamp(ms / 1000, UTC)
    refused = outcome == "refused"
    duration = 2 if refused else int(exp(random.gauss(8.3, 0.8)))
    request = RequestRecord(
        id=identity,
        started_at=started,
        outcome=outcome,
        http_status=status,
        error_type=error,
        sentence_code=_SENTENCES.get(outcome, ""),
        stop_reason=stop,
        duration_ms=duration,
        team_id=_FIRST_ID + caller.team,
        team_name=f"invented team {caller.team + 1}",
        owner_id=None if caller.owner is None else _FIRST_ID + caller.owner,
        owner_name="" if caller.owner is None else f"invented person {caller.owner + 1}",
        key_id=_FIRST_ID + caller.key,
        key_name=f"invented key {caller.key + 1}",
        key_prefix="invented",
        tags_id=caller.tags_id,
        tags=caller.tags,
        route_id=_FIRST_ID + model,
        route_name=name,
        request_model=name,
        request_id=f"req_{identity.hex}",
        session_id=caller.session,
        request_class="main",
        client=f"{caller.client[0]}/{caller.client[1]}",
        client_name=caller.client[0],
        client_version=caller.client[1],
        streamed=True,
        phase="exact name",
        rule=name,
        decision=_DECISIONS[model],
        attempts=0 if refused else 1,
    )
    if refused:
        return request, []
    request.provider_id, request.provider_name = provider
    request.model_id, request.model_name = _FIRST_ID + model, served
    if outcome == "completed":
        prompt, output = int(exp(random.gauss(9.0, 1.2))), int(exp(random.gauss(5.5, 1.0)))
        read = int(prompt * 0.8) if random.random() < 0.7 else 0
        write = (prompt - read) // 2 if prices[2] else 0
        new = prompt - read - write
        request.input_tokens, request.output_tokens = new, output
        request.cache_read_tokens, request.cache_write_tokens = read, write
        set_cost(request, (new * prices[0], read * prices[1], write * prices[2], output * prices[3], 0))
        request.time_to_first_token_ms = min(duration, int(exp(random.gauss(6.5, 0.6))))
    attempt = AttemptRecord(id=_identity(ms + 1, random), request_log_id=identity, number=1, dialect=dialect)
    _copy_shared(attempt, request)
    return request, [attempt]


def _identity(ms: int, random: Random) -> UUID:
    chance = random.getrandbits(74)
    return UUID(int=(ms << 80) | (0x7 << 76) | (chance >> 62 << 64) | (0b10 << 62) | (chance & (2**62 - 1)))


def _session(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
