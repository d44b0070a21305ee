"""Rate limits of client keys: what a request takes before its first attempt, and what it gives back at its end.

Tokens are known at the end alone. Before, a request takes what it is estimated to send, and one token of its answer;
after, what it really used, which may be more than the limit: then the next requests wait for longer. Where nobody can
say what was counted, requests are let through.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import msgspec

from access.allowances.days import day_ends
from access.allowances.limits import LimitRecord
from access.allowances.memory import MemoryStore
from access.allowances.policy import Charge, Exceeded, Kind, Store, StoreUnreadable, returned
from access.keys import KeyRecord
from streaming.limit_refusals import refusal
from usage.journal.records import AttemptRecord
from usage.models import Outcome

logger = logging.getLogger("gateway.limits")

MESSAGES: Final = frozenset({"requests", "input_tokens", "output_tokens", "streams"})
COUNT_TOKENS: Final = frozenset({"count_tokens"})
MODELS: Final = frozenset({"models"})
"""What each endpoint is counted by."""

_MINUTE: Final = 60.0
_LOGGED_EVERY: Final = 60.0
"""Seconds between two log lines about a store that cannot be read."""
_MOST_SESSIONS: Final = 10_000
_MOST_PLANS: Final = 10_000
# An attribute of an enumeration costs 2,000 instructions in Python 3.11.
_RATE, _QUOTA, _SLOTS = Kind.RATE, Kind.QUOTA, Kind.SLOTS


class Standing(msgspec.Struct, frozen=True):
    """How much of a limit is used now, None where nobody can say, and when a day's starts again in POSIX seconds."""

    limit: LimitRecord
    used: float | None
    resets_at: float | None


class Limits:
    """The rate limits of one worker's requests, over a store that may be shared with others."""

    def __init__(self, store: Store, *, cache_reads_count: bool) -> None:
        self._store = store
        # In memory nothing waits, and a coroutine or a task for each call would cost as much as the count.
        self._memory = store if type(store) is MemoryStore else None
        self._cache_reads_count = cache_reads_count
        self._settling: set[asyncio.Task[None]] = set()
        self._plans: dict[tuple[int, frozenset[str]], _Plan] = {}
        self._logged_at = -_LOGGED_EVERY
        self._fresh: dict[tuple[int, str], float] = {}
        """Of each session, the share of its last prompt that was not read from the cache, if some of it was."""

    async def take(
        self, key: KeyRecord, measures: frozenset[str], input_estimate: int = 0, session_id: str = ""
    ) -> Held | None:
        """Takes from all limits of these measures or from none; `settle` must follow. Raises Refused.

        None where nothing is counted. Input that the session's last answer read from the cache is not taken.
        """
        now = time.time()
        plan = self._plans.get((key.id, measures))
        if plan is None or plan.made_of is not key.limits or not plan.made_at <= now < plan.until:
            plan = self._planned(key, measures, now)
        charges, expected, session = plan.charges, 0.0, (key.id, session_id)
        if not charges:
            return None
        if plan.inputs:
            expected = input_estimate * self._fresh.get(session, 1.0)
            charges = charges.copy()
            for number, cell, kind, most, span in plan.inputs:
                # A request that is larger than the whole limit takes all of it: it is not refused for ever.
                charges[number] = (cell, kind, most, span, expected if expected < most else most)
        try:
            if self._memory is not None:
                exceeded = self._memory.charge_now(charges)
            elif plan.slots:
                exceeded = await self._charged(plan, charges)
            else:
                exceeded = await self._store.charge(charges)
        except StoreUnreadable as error:
            self.log(error)
            return None
        if exceeded is not None:
            number, wait = exceeded
            raise refusal(plan.limits[number], wait, key.team_name, charges[number][3])
        return Held(self, plan, charges, expected, session)

    async def standing(self, limits: Sequence[LimitRecord]) -> list[Standing]:
        """Returns how much of each limit is used."""
        now = time.time()
        charges = [_charge(limit, now) for limit in limits]
        used: Sequence[float | None]
        try:
            used = await self._store.used(charges)
        except StoreUnreadable as error:
            self.log(error)
            used = [None] * len(limits)
        return [
            Standing(limit, amount, span if kind is _QUOTA else None)
            for limit, (_, kind, _, span, _), amount in zip(limits, charges, used, strict=True)
        ]

    def settle(self, held: Held, attempts: Sequence[AttemptRecord]) -> None:
        """Corrects what a request took by what its attempts used, and ends its count among those at the same time."""
        plan = held.plan
        corrections = plan.returned.copy() if self._memory is not None else []
        if plan.inputs or plan.outputs:
            used_input, used_output = self._used(held, attempts)
            for number, cell, kind, most, span in plan.inputs:
                units = used_input - held.charges[number][4]
                if units:
                    corrections.append((cell, kind, most, span, units))
            # One of them was taken.
            units = used_output - 1.0
            if units:
                for _, cell, kind, most, span in plan.outputs:
                    corrections.append((cell, kind, most, span, units))
        if self._memory is not None:
            self._memory.correct_now(corrections)
        elif corrections or plan.slots:
            # In a task of its own: the answer is sent, and the store may wait.
            self._run(self._settle(corrections, plan.slots))

    async def settled(self) -> None:
        """Waits until everything that has ended is corrected."""
        while self._settling:
            await asyncio.gather(*self._settling)

    def log(self, error: StoreUnreadable) -> None:
        """Logs that nothing can be counted, once a minute."""
        now = time.monotonic()
        if now - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = now
            logger.warning("rate limits are not counted", extra={"fields": {"cause": str(error)}})

    def _planned(self, key: KeyRecord, measures: frozenset[str], now: float) -> _Plan:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        plan = self._plans[key.id, measures] = _Plan(key.limits, measures, now)
        return plan

    def _used(self, held: Held, attempts: Sequence[AttemptRecord]) -> tuple[float, float]:
        """Returns the tokens of input that count and of output that all attempts used. Remembers which share of the
        session's prompt was read from the cache: of its next one it will be about the same."""
        used_input, used_output = 0.0, 0.0
        for attempt in attempts:
            used_output += attempt.output_tokens or 0
            fresh = attempt.input_tokens
            if fresh is None:
                # What failed was not billed. What was cut off may have been, and nobody said how much.
                used_input += 0.0 if attempt.outcome == Outcome.FAILED else held.expected
                continue
            read = attempt.cache_read_tokens or 0
            fresh += attempt.cache_write_tokens or 0
            if self._cache_reads_count:
                used_input += fresh + read
                continue
            used_input += fresh
            if read and held.plan.inputs and held.session[1]:
                self._fresh[held.session] = fresh / (fresh + read)
                if len(self._fresh) > _MOST_SESSIONS:
                    del self._fresh[next(iter(self._fresh))]
            elif fresh and self._fresh:
                self._fresh.pop(held.session, None)
        return used_input, used_output

    async def _charged(self, plan: _Plan, charges: list[Charge]) -> Exceeded | None:
        # A caller that leaves meanwhile must not leave its slot behind.
        charging = asyncio.get_running_loop().create_task(self._store.charge(charges))
        try:
            return await asyncio.shield(charging)
        except asyncio.CancelledError:
            self._run(self._undo(charging, plan.slots))
            raise

    async def _undo(self, charging: asyncio.Task[Exceeded | None], slots: list[Charge]) -> None:
        try:
            if await charging is None:
                await self._store.release(slots)
        except StoreUnreadable as error:
            self.log(error)

    async def _settle(self, corrections: list[Charge], slots: list[Charge]) -> None:
        try:
            if slots:
                await self._store.release(slots)
            if corrections:
                await self._store.correct(corrections)
        except StoreUnreadable as error:
            self.log(error)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


class _Plan:
    """What the limits of a key take from its requests at one endpoint, until a day ends. `inputs` and `outputs` are the
    charges in tokens, with their numbers and without units; those of input depend on the request."""

    __slots__ = ("charges", "inputs", "limits", "made_at", "made_of", "outputs", "returned", "slots", "until")

    def __init__(self, made_of: tuple[LimitRecord, ...], measures: frozenset[str], now: float) -> None:
        self.made_of = made_of
        self.made_at = now
        self.limits = [limit for limit in made_of if limit.measure in measures]
        self.charges = [_charge(limit, now) for limit in self.limits]
        self.until = min((span for _, kind, _, span, _ in self.charges if kind is _QUOTA), default=math.inf)
        self.slots = [one for one in self.charges if one[1] is _SLOTS]
        self.returned = returned(self.slots)
        self.inputs = self._of("input_tokens")
        self.outputs = self._of("output_tokens")

    def _of(self, measure: str) -> list[tuple[int, bytes, Kind, float, float]]:
        numbered = enumerate(zip(self.limits, self.charges, strict=True))
        return [
            (number, cell, kind, most, span)
            for number, (limit, (cell, kind, most, span, _)) in numbered
            if limit.measure == measure
        ]


class Held(msgspec.Struct, frozen=True, gc=False):
    """What one request took; its input was `expected`."""

    limits: Limits
    plan: _Plan
    charges: list[Charge]
    expected: float
    session: tuple[int, str]

    def settle(self, attempts: Sequence[AttemptRecord] = ()) -> None:
        """Ends the request. Call it once."""
        self.limits.settle(self, attempts)


def _charge(limit: LimitRecord, now: float) -> Charge:
    most = float(limit.most)
    if limit.per == "minute":
        return (limit.cell, _RATE, most, _MINUTE / most, 1.0)
    if limit.per == "day":
        return (limit.cell, _QUOTA, most, day_ends(limit.zone, now), 1.0)
    return (limit.cell, _SLOTS, most, 0.0, 1.0)
