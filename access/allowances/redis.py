"""Allowances in Redis, for a gateway on several hosts. Redis' clock counts, and not those of the hosts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from access.allowances.policy import LEASE_SECONDS, Charge, Exceeded, Kind, StoreUnreadable, returned
from access.allowances.redis_scripts import CELLS, KEEP

TIME_OUT = 0.1
"""Seconds in which Redis must answer, connecting included."""
PATIENT_TIME_OUT = 0.5
"""Seconds for the first calls, and for `keep`, for which no request waits. In a process that has just started the
first requests together keep the loop from its sockets for longer than TIME_OUT, and would not be counted."""
_PATIENT_CALLS = 100
"""How many answers end that patience. A time-out ends it too: a Redis that does not answer costs TIME_OUT a second."""
_SILENCE = 1.0
"""Seconds after a time-out in which Redis is not asked: one request a second waits for it, and not each."""
_CONNECTIONS = 16
_SLOTS = Kind.SLOTS


class RedisStore:
    """A policy.Store. Several gateways may share a database of Redis under different prefixes."""

    def __init__(self, url: str, prefix: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """Connects with the first call. Raises ValueError for an address that is none."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=PATIENT_TIME_OUT,
            # What was charged twice would be counted twice.
            retry=Retry(NoBackoff(), 0),
            # With them on, redis-py does not look whether a connection was closed while nobody used it.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._redis = Redis.from_pool(pool)
        self._cells = self._redis.register_script(CELLS)
        self._keep = self._redis.register_script(KEEP)
        # In braces, so that a cluster keeps all keys in one place.
        self._prefix = f"{{{prefix}}}:limits:".encode()
        self._leases = self._prefix + b"leases"
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease_seconds = lease_seconds
        self._silent_until = 0.0
        self._patient_calls = _PATIENT_CALLS
        self._ready = False
        self._held: Counter[bytes] = Counter()
        """The slots of this worker."""
        self._changing: Counter[bytes] = Counter()
        """How many calls under way change a cell's slots."""
        self._uncertain: dict[bytes, float] = {}
        """Cells of slots that a call without an answer may have changed, and until when each `keep` corrects them."""

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        slots = [charge for charge in charges if charge[1] is _SLOTS]
        with self._changes(slots):
            reply = await self._ask("charge", charges)
            if reply:
                return _exceeded(reply, charges)
            for name, _, _, _, units in slots:
                self._held[name] += int(units)
        return None

    async def correct(self, charges: Sequence[Charge]) -> None:
        await self._ask("correct", charges)

    async def used(self, charges: Sequence[Charge]) -> list[float]:
        amounts = await self._ask("used", charges)
        if not isinstance(amounts, list) or len(amounts) != len(charges):
            raise StoreUnreadable(f"Redis answered {amounts!r}")
        return [float(amount) for amount in amounts]

    async def release(self, slots: Sequence[Charge]) -> None:
        for name, _, _, _, units in slots:
            self._held[name] -= int(units)
        self._held = +self._held
        with contextlib.suppress(StoreUnreadable), self._changes(slots):
            await self._ask("correct", returned(slots))

    async def keep(self) -> None:
        if not self._ready:
            await self._make_ready()
        now = time.monotonic()
        cells = [cell for cell in {*self._held, *self._uncertain} if not self._changing[cell]]
        amounts = [self._held[cell] for cell in cells]
        await self._call(self._keep, cells, amounts, time_out=PATIENT_TIME_OUT)
        self._uncertain = {cell: until for cell, until in self._uncertain.items() if until > now}

    async def close(self) -> None:
        with contextlib.suppress(StoreUnreadable), self._readable(TIME_OUT):
            async with asyncio.timeout(TIME_OUT):
                await self._redis.zrem(self._leases, self._worker)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _make_ready(self) -> None:
        """Makes all connections and loads the scripts, so that no request waits for it. Raises StoreUnreadable."""
        with self._readable(PATIENT_TIME_OUT):
            async with asyncio.timeout(PATIENT_TIME_OUT):
                # Each takes a connection of its own, because all are under way at once.
                await asyncio.gather(*(self._redis.ping() for _ in range(_CONNECTIONS)))
                await asyncio.gather(*(self._redis.script_load(script) for script in (CELLS, KEEP)))
        self._ready = True

    async def _ask(self, call: str, charges: Sequence[Charge]) -> Any:
        each = [charge[1:] for charge in charges]
        answer = await self._call(self._cells, [charge[0] for charge in charges], each, call)
        if self._patient_calls:
            self._patient_calls -= 1
        return answer

    async def _call(
        self, script: AsyncScript, cells: Sequence[bytes], each: object, *more: str, time_out: float = 0.0
    ) -> Any:
        """Runs a script with `each`, a list of what it must know of each cell. Raises StoreUnreadable."""
        keys = [self._leases, *(self._prefix + cell.hex().encode() for cell in cells)]
        arguments: list[str | float | bytes]
        arguments = [self._worker, self._lease_seconds, msgspec.msgpack.encode(each), *more]
        time_out = time_out or (PATIENT_TIME_OUT if self._patient_calls else TIME_OUT)
        with self._readable(time_out):
            async with asyncio.timeout(time_out):
                return await script(keys, arguments)

    @contextlib.contextmanager
    def _readable(self, time_out: float) -> Iterator[None]:
        """Around what Redis is asked. Raises StoreUnreadable, at once for a while after a time-out."""
        if time.monotonic() < self._silent_until:
            raise StoreUnreadable("Redis did not answer a moment ago")
        try:
            yield
        except TimeoutError as error:
            self._silent_until = time.monotonic() + _SILENCE
            self._patient_calls = 0
            raise StoreUnreadable(f"Redis did not answer within {time_out} s") from error
        except Exception as error:
            # Of what answers and is no Redis the library's parser raises errors of every kind.
            raise StoreUnreadable(f"Redis: {error!r}") from error

    @contextlib.contextmanager
    def _changes(self, slots: Sequence[Charge]) -> Iterator[None]:
        """Around a call that changes these slots. If it fails or is cancelled, nobody knows whether Redis ran it."""
        cells = [slot[0] for slot in slots]
        self._changing.update(cells)
        certain = False
        try:
            yield
            certain = True
        finally:
            self._changing -= Counter(cells)
            if not certain:
                self._uncertain.update(dict.fromkeys(cells, time.monotonic() + self._lease_seconds))


def _exceeded(reply: object, charges: Sequence[Charge]) -> Exceeded:
    """Returns which charge does not fit, as the script says. Raises StoreUnreadable for any other answer."""
    match reply:
        case [bytes() as number, bytes() as wait] if number.isdigit() and int(number) < len(charges):
            with contextlib.suppress(ValueError):
                return Exceeded(int(number), float(wait))
    raise StoreUnreadable(f"Redis answered {reply!r}")
