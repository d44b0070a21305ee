"""What workers say while somebody looks: a text of each, which the next one replaces."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from usage.live.models import LiveSample, RefusalSample

logger = logging.getLogger("gateway.live")

_ABANDONED = timedelta(minutes=10)
_SILENCE = 5.0
"""Seconds after a failure of Redis in which it is not asked."""


class Unreadable(Exception):
    """Redis does not answer, or not as one does."""


class Samples(Protocol):
    """What each worker said last."""

    def write(self, worker: str, content: bytes) -> None:
        """Replaces what a worker said."""

    def read(self, within: timedelta | None = None) -> dict[str, tuple[object, bytes]]:
        """Returns what each worker said last: worker -> when, to be compared alone, and what. Without those that said
        it longer ago than `within`, by its clock."""

    def are_whole(self) -> bool:
        """Returns whether what was read last is what all workers said."""

    def forget(self, worker: str) -> None:
        """Removes what a worker said, and what those said that died long ago."""


class InDatabase:
    """One row for each worker in the table of a model; `column` has what it says."""

    def __init__(self, model: type[models.Model], column: str) -> None:
        self._rows = model._default_manager
        table = model._meta.db_table
        # As SQL: Django takes several times as long to make it as the database to follow it.
        self._write = (
            f"INSERT INTO {table} (worker, at, {column}) VALUES (%s, %s, %s) "  # noqa: S608
            f"ON CONFLICT (worker) DO UPDATE SET at = excluded.at, {column} = excluded.{column}"
        )
        self._read = f"SELECT worker, at, {column} FROM {table}"  # noqa: S608

    def write(self, worker: str, content: bytes) -> None:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(self._write, [worker, now, content])

    def read(self, within: timedelta | None = None) -> dict[str, tuple[object, bytes]]:
        since = [] if within is None else [connection.ops.adapt_datetimefield_value(timezone.now() - within)]
        with connection.cursor() as cursor:
            cursor.execute(f"{self._read} WHERE at > %s" if since else self._read, since)
            return {worker: (at, bytes(content)) for worker, at, content in cursor.fetchall()}

    def are_whole(self) -> bool:
        return True

    def forget(self, worker: str) -> None:
        self._rows.filter(worker=worker).delete()
        self._rows.filter(at__lt=timezone.now() - _ABANDONED).delete()


class InEither:
    """In Redis. What cannot be written there stands in the database, where every reader looks as well: a worker that
    does not reach Redis is seen all the same, by those that do and those that do not."""

    def __init__(self, redis: Samples, database: Samples) -> None:
        self._redis = redis
        self._database = database
        self._fell_back: set[str] = set()
        self._silent_until = 0.0
        self._failing = False
        self._last: dict[timedelta | None, tuple[float, dict[str, tuple[object, bytes]]]] = {}

    def write(self, worker: str, content: bytes) -> None:
        if self._does(lambda: self._redis.write(worker, content)):
            if worker in self._fell_back:
                self._database.forget(worker)
                self._fell_back.discard(worker)
        else:
            self._fell_back.add(worker)
            self._database.write(worker, content)

    def read(self, within: timedelta | None = None) -> dict[str, tuple[object, bytes]]:
        def read_and_keep() -> None:
            self._last[within] = time.monotonic(), self._redis.read(within)

        self._does(read_and_keep)
        at, found = self._last.get(within, (0.0, {}))
        if self._failing and time.monotonic() > at + _SILENCE:
            found = {}
        return found | self._database.read(within)

    def are_whole(self) -> bool:
        return not self._failing

    def forget(self, worker: str) -> None:
        self._does(lambda: self._redis.forget(worker))
        self._database.forget(worker)
        self._fell_back.discard(worker)

    def _does(self, ask: Callable[[], None]) -> bool:
        """Returns whether Redis does what it is asked for."""
        if time.monotonic() < self._silent_until:
            return False
        try:
            ask()
        except Unreadable as error:
            # One failure may be a lost connection: what comes next asks again.
            self._silent_until = time.monotonic() + (_SILENCE if self._failing else 0.0)
            if not self._failing:
                logger.warning("the live view uses the database: Redis fails", extra={"fields": {"cause": str(error)}})
            self._failing = True
            return False
        if self._failing:
            logger.warning("the live view uses Redis again")
        self._failing = False
        return True


@functools.cache
def of_streams() -> Samples:
    """Returns those of the streams that run (usage.live.streams.Sample)."""
    return _chosen(InDatabase(LiveSample, "streams"), "streams", timedelta(seconds=10))


@functools.cache
def of_refusals() -> Samples:
    """Returns those of requests with refused client keys (a list of usage.live.refusals.Note)."""
    return _chosen(InDatabase(RefusalSample, "requests"), "refusals", timedelta(hours=1))


def _chosen(database: Samples, topic: str, kept: timedelta) -> Samples:
    """Returns Redis with REDIS_URL, otherwise the database."""
    if not settings.REDIS_URL:
        return database
    # The library is an extra.
    from proxysite.live.redis import InRedis

    return InEither(InRedis(settings.REDIS_URL, settings.REDIS_PREFIX, topic, kept), database)
