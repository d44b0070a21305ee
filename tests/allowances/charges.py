"""Charges as the tests write them, and the stores that they are charged to, each with its own time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Protocol

from access.allowances.mapped import MappedStore
from access.allowances.memory import MemoryStore
from access.allowances.policy import Charge, Kind, Store, cell_of
from access.allowances.redis import RedisStore

DAY_ENDS = 4_000_000_000.0
"""Long after any test."""


def rate(name: str, most: float, units: float = 1.0, *, span: float = 60.0) -> Charge:
    return (cell_of(name), Kind.RATE, most, span / most, units)


def quota(name: str, most: float, units: float = 1.0, *, until: float = DAY_ENDS) -> Charge:
    return (cell_of(name), Kind.QUOTA, most, until, units)


def slot(name: str, most: float) -> Charge:
    return (cell_of(name), Kind.SLOTS, most, 0.0, 1.0)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Backend(Protocol):
    """One kind of store. All that `worker` returns count together, as the workers of one gateway."""

    def worker(self) -> Store: ...

    def now(self) -> float: ...

    async def wait(self, seconds: float) -> None:
        """Until so much time of the store has passed."""


class InMemory:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)

    def worker(self) -> MemoryStore:
        return self.store

    def now(self) -> float:
        return self.clock.now

    async def wait(self, seconds: float) -> None:
        self.clock.now += seconds


class InFile:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.folder = folder

    def worker(self) -> MappedStore:
        return MappedStore(self.folder, self.clock)

    def now(self) -> float:
        return self.clock.now

    async def wait(self, seconds: float) -> None:
        self.clock.now += seconds


class InRedis:
    """Its time cannot be set: a test waits."""

    def __init__(self, url: str, prefix: str, lease_seconds: float = 1.0) -> None:
        self.url = url
        self.prefix = prefix
        self.lease_seconds = lease_seconds

    def worker(self) -> RedisStore:
        return RedisStore(self.url, self.prefix, lease_seconds=self.lease_seconds)

    def now(self) -> float:
        return time.time()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
