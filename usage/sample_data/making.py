"""Makes sample requests with their attempts: sessions of agents, fallbacks, refusals with reasons."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from itertools import chain
from math import exp
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from usage.generated import copier
from usage.journal.records import AttemptRecord, Finished, RequestRecord, set_cost
from usage.rollups.measures import COST_PARTS
from usage.sample_data import times
from usage.sample_data.ends import FAILURES, REFUSALS, RESTART, WITHOUT_HEAD, Failure
from usage.sample_data.site import FIRST_ID, PEOPLE, TEAMS, Key, Model, Route, Site, site_of
from usage.sample_data.times import Slice

_STINT = 25
"""Requests in a row of one key, on average."""
_AGENTS = ("Explore", "Plan", "general-purpose", "code-reviewer")
_VALUES = 4_096
"""Different durations and sizes of a slice."""
# Up to which draw a request ends so; the rest is completed at once.
_FALLBACK, _REFUSED, _FAILED, _CLOSED, _INTERRUPTED = 0.05, 0.07, 0.08, 0.1, 0.105

_SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost", *COST_PARTS,
    "time_to_first_token_ms", "estimated",
)  # fmt: skip
_copy_sums = copier((name, name) for name in _SUMS)
_ENDING = ("outcome", "http_status", "error_type", "sentence_code", "error_message", "stop_reason")
_copy_ending = copier((name, name) for name in _ENDING)


class _Template(msgspec.Struct):
    """What requests of one session, agent and route have in common."""

    request: RequestRecord
    first: AttemptRecord
    next: AttemptRecord
    route: Route


def rows(count: int, since: datetime, until: datetime, seed: int) -> Iterator[Finished]:
    """Yields `count` requests with their attempts in order of time, from `since` to before `until`."""
    return chain.from_iterable(map(rows_of, times.slices(count, since, until, seed)))


def rows_of(part: Slice) -> Iterator[Finished]:
    """Yields the requests of a slice with their attempts in order of time."""
    random = Random(f"{part.seed} {part.number}")  # noqa: S311
    site, maker, chance = site_of(part.seed), _Maker(random), random.random
    # As many keys are at work as make sessions of about an hour.
    width = max(2, round(part.hourly / _STINT))
    working = [_stint(site, random) for _ in range(width)]
    for first, length, count in part.pieces:
        for moment in sorted(int(first + chance() * length) for _ in range(count)):
            at = int(chance() * width)
            if chance() * _STINT < 1:
                working[at] = _stint(site, random)
            templates = working[at]
            yield maker.row(moment, templates[int(chance() * len(templates))])


def _stint(site: Site, random: Random) -> list[_Template]:
    """Returns the templates of a key's next requests: one, or those of a session with agents."""
    key = site.keys[bisect(site.shares, random.random() * site.shares[-1]) % len(site.keys)]
    route = key.routes[0] if random.random() < 0.6 else random.choice(key.routes)
    if not key.is_agent:
        return [_template(key, route)]
    session = str(UUID(int=random.getrandbits(128), version=4))
    found = [_template(key, route, session, request_class="main")]
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        agent = {"agent_id": f"agent-{random.getrandbits(32):08x}", "agent_type": random.choice(_AGENTS)}
        found.append(_template(key, random.choice(key.routes), session, request_class="subagent", **agent))
    return found


def _template(key: Key, route: Route, session: str = "", **fields: Any) -> _Template:
    request = RequestRecord(
        id=UUID(int=0),
        team_id=FIRST_ID + key.team,
        team_name=TEAMS[key.team],
        owner_id=None if key.owner is None else FIRST_ID + key.owner,
        owner_name="" if key.owner is None else PEOPLE[key.owner],
        key_id=key.id,
        key_name=key.name,
        key_prefix="sample",
        tags_id=key.tags_id,
        tags=key.tags,
        route_id=route.id,
        route_name=route.name,
        request_model=route.name,
        session_id=session,
        client=f"{key.client_name}/{key.client_version}",
        client_name=key.client_name,
        client_version=key.client_version,
        streamed=True,
        phase="name",
        rule=route.name,
        decision={"reasons": [["name", "a route has this name"]], "dropped": []},
        outcome="completed",
        http_status=200,
        stop_reason="end_turn",
        attempts=1,
        **fields,
    )
    return _Template(request, _attempt(route.first, 1), _attempt(route.next, 2), route)


def _attempt(model: Model, number: int) -> AttemptRecord:
    return AttemptRecord(
        id=UUID(int=0),
        request_log_id=UUID(int=0),
        number=number,
        provider_id=model.provider_id,
        provider_name=model.provider_name,
        model_id=model.id,
        model_name=model.name,
        dialect=model.dialect,
        credential_id=model.provider_id,
        credential_name=f"{model.provider_name} main",
        outcome="completed",
        http_status=200,
        stop_reason="end_turn",
    )


class _Maker:
    """Makes the rows of a slice."""

    def __init__(self, random: Random) -> None:
        def drawn(mean: float, deviation: float) -> list[int]:
            return [int(exp(random.gauss(mean, deviation))) for _ in range(_VALUES)]

        self._chance, self._bits, self._choice = random.random, random.getrandbits, random.choice
        self._durations, self._waits = drawn(8.3, 0.8), drawn(6.5, 0.6)
        self._prompts, self._outputs = drawn(9.0, 1.2), drawn(5.5, 1.0)

    def row(self, ms: int, template: _Template) -> Finished:
        """Returns the request of a moment with its attempts."""
        request, draw = copy(template.request), self._chance()
        request.id = identity = self._identity(ms)
        request.request_id = f"req_{identity.hex}"
        request.started_at = datetime.fromtimestamp(ms / 1000, UTC)
        request.duration_ms = self._one_of(self._durations)
        if _FALLBACK <= draw < _REFUSED:
            _end(request, self._choice(REFUSALS), "refused")
            request.duration_ms, request.attempts = 2, 0
            return request, []
        if draw < _FALLBACK:
            after = 2 + request.duration_ms // 4
            failed = self._attempt(template.first, request, ms, 1, after - 2)
            _end(failed, self._choice(FAILURES), "failed", provider=failed.provider_name)
            _place_head(failed, failed.duration_ms)
            answered = self._attempt(template.next, request, ms, after, request.duration_ms - after)
            model, request.attempts, attempts = template.route.next, 2, [failed, answered]
        else:
            after = 1
            answered = self._attempt(template.first, request, ms, after, request.duration_ms - after)
            model, attempts = template.route.first, [answered]
        request.provider_id, request.provider_name = model.provider_id, model.provider_name
        request.model_id, request.model_name = model.id, model.name
        if draw < _FALLBACK or draw >= _INTERRUPTED:
            self._count(request, model, after)
        elif draw < _FAILED:
            _end(request, self._choice(FAILURES), "failed", provider=model.provider_name)
        elif draw < _CLOSED:
            request.outcome, request.http_status, request.stop_reason = "client_closed", None, ""
            request.estimated = True
            self._count(request, model, after)
        else:
            _end(request, RESTART, "interrupted")
        _copy_sums(answered, request)
        _copy_ending(answered, request)
        if request.time_to_first_token_ms is not None:
            answered.time_to_first_token_ms = request.time_to_first_token_ms - after
        first = answered.time_to_first_token_ms
        _place_head(answered, answered.duration_ms if first is None else first * 9 // 10)
        return request, attempts

    def _attempt(
        self, template: AttemptRecord, request: RequestRecord, ms: int, after: int, duration: int
    ) -> AttemptRecord:
        """Returns an attempt that began `after` milliseconds of its request, which began at `ms`."""
        attempt = copy(template)
        attempt.id, attempt.request_log_id = self._identity(ms + after), request.id
        attempt.started_at, attempt.duration_ms = datetime.fromtimestamp((ms + after) / 1000, UTC), max(0, duration)
        attempt.time_to_connect_ms = int(self._chance() * 40)
        return attempt

    def _count(self, request: RequestRecord, model: Model, after: int) -> None:
        """Sets tokens, cost and first token of a request that an attempt answers, which began `after` milliseconds."""
        prompt, output = self._one_of(self._prompts), self._one_of(self._outputs)
        new_price, read_price, write_price, output_price = model.prices
        read = int(prompt * 0.8) if self._chance() < 0.7 else 0
        write = (prompt - read) // 2 if write_price else 0
        new = prompt - read - write
        request.input_tokens, request.output_tokens = new, output
        request.cache_read_tokens, request.cache_write_tokens = read, write
        request.reasoning_tokens = output // 3 if model.dialect == "openai_responses" else None
        set_cost(request, (new * new_price, read * read_price, write * write_price, output * output_price, 0))
        request.time_to_first_token_ms = max(after, min(request.duration_ms or 0, after + self._one_of(self._waits)))

    def _one_of(self, values: list[int]) -> int:
        return values[int(self._chance() * _VALUES)]

    def _identity(self, ms: int) -> UUID:
        chance = self._bits(74)
        return UUID(int=(ms << 80) | (0x7 << 76) | (chance >> 62 << 64) | (0b10 << 62) | (chance & (2**62 - 1)))


def _place_head(attempt: AttemptRecord, ms: int | None) -> None:
    """Sets when the head of the answer came, unless the attempt ended before, and the connection not after it."""
    if attempt.outcome == "interrupted" or attempt.sentence_code in WITHOUT_HEAD:
        ms = None
    attempt.time_to_headers_ms = ms
    limit = attempt.duration_ms if ms is None else ms
    attempt.time_to_connect_ms = min(attempt.time_to_connect_ms or 0, limit or 0)


def _end(record: RequestRecord | AttemptRecord, failure: Failure, outcome: str, provider: str = "") -> None:
    record.outcome, record.http_status, record.error_type = outcome, failure.status, failure.type
    record.sentence_code, record.error_message = failure.code, failure.text.format(provider=provider)
    record.stop_reason = ""
