"""What workers say while somebody looks, in Redis: a key of each, which expires. Redis' clock counts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from proxysite.live.samples import Unreadable

TIME_OUT = 0.5
"""Seconds in which Redis must answer; no request waits for it."""
_INDEX_KEPT = 86_400
"""Seconds after which a worker that says nothing is not asked for: far more than clocks differ."""


class InRedis:
    """A samples.Samples. Several gateways may share a database of Redis under different prefixes."""

    def __init__(self, url: str, prefix: str, topic: str, kept: timedelta) -> None:
        """Connects with the first call; each may raise Unreadable. What a worker says is `kept` so long."""
        # Its answers have types of both kinds of clients together.
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=TIME_OUT,
            socket_connect_timeout=TIME_OUT,
            # Once more, at once: a connection may have been closed while nobody looked. All calls may be repeated.
            retry=Retry(NoBackoff(), 1),
        )
        # In braces, so that a cluster keeps all keys in one place.
        self._index = f"{{{prefix}}}:live:{topic}".encode()
        self._kept = int(kept.total_seconds())

    def write(self, worker: str, content: bytes) -> None:
        written = b"%d %b" % (time.time_ns(), content)
        with _readable(), self._redis.pipeline(transaction=False) as calls:
            calls.set(self._key(worker.encode()), written, ex=self._kept)
            calls.zadd(self._index, {worker: time.time()})
            calls.zremrangebyscore(self._index, 0, time.time() - _INDEX_KEPT)
            calls.expire(self._index, _INDEX_KEPT)
            calls.execute()

    def read(self, within: timedelta | None = None) -> dict[str, tuple[object, bytes]]:
        since = 0 if within is None else time.time_ns() - int(within.total_seconds() * 1e9)
        found: dict[str, tuple[object, bytes]] = {}
        with _readable():
            workers = self._redis.zrange(self._index, 0, -1)
            texts = self._redis.mget([self._key(worker) for worker in workers]) if workers else []
            for worker, written in zip(workers, texts, strict=True):
                # What has expired is of a worker that is gone.
                at, _, content = (written or b"").partition(b" ")
                if at and int(at) > since:
                    found[worker.decode()] = (at, content)
        return found

    def are_whole(self) -> bool:
        return True

    def forget(self, worker: str) -> None:
        with _readable(), self._redis.pipeline(transaction=False) as calls:
            calls.delete(self._key(worker.encode()))
            calls.zrem(self._index, worker)
            calls.execute()

    def _key(self, worker: bytes) -> bytes:
        return b"%b:%b" % (self._index, worker)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Around what Redis is asked. Raises Unreadable."""
    try:
        yield
    except Exception as error:
        # Of what answers and is no Redis the library's parser raises errors of every kind.
        raise Unreadable(f"{type(error).__name__}: {error}") from error
