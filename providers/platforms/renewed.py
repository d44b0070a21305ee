"""A secret of short life (a token, a set of keys): fetched in a thread by one at a time, kept while it lasts.

Renewing happens beside the requests, which go on with the old value until it ends; no request waits but the first.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

from providers.errors import ErrorKind, UpstreamError

logger = logging.getLogger("gateway.platforms")

T = TypeVar("T")
_PAUSE = 10.0
"""Seconds between two tries to renew a value that still lasts."""


class NotAuthorized(Exception):
    """There is no way to authorise a request; the text says why and what to do, and holds no secret."""


class Fresh(NamedTuple, Generic[T]):
    """A value just fetched: after how many seconds to renew it, and for how many it may be used at all."""

    value: T
    renew_after: float
    good_for: float


class Kept(Generic[T]):
    """One value, from any number of threads and event loops (the admin's Test runs in one of its own)."""

    def __init__(self, what: str, fetch: Callable[[], Fresh[T]]) -> None:
        self._what = what
        self._fetch = fetch
        self._lock = threading.Lock()
        self._held: tuple[T, float, float] | None = None
        self._fetching: Future[T] | None = None

    async def value(self) -> T:
        """The value. Raises UpstreamError (AUTHENTICATION) when there is none and none can be fetched."""
        held = self._held
        now = time.monotonic()
        if held is not None and now < held[1]:
            return held[0]
        fetching = self._started(now)
        if held is not None and now < held[2]:
            return held[0]
        try:
            # Shielded: a caller who leaves does not take the value away from those who wait for it too.
            return await asyncio.shield(asyncio.wrap_future(fetching))
        except NotAuthorized as error:
            raise UpstreamError(ErrorKind.AUTHENTICATION, str(error)) from None

    def _started(self, now: float) -> Future[T]:
        with self._lock:
            held = self._held
            if self._fetching is None:
                self._fetching = Future()
                if held is not None and now < held[1]:
                    # Somebody else's fetch came in between.
                    self._fetching.set_result(held[0])
                    fetched, self._fetching = self._fetching, None
                    return fetched
                # A daemon: a token server that says nothing must not hold up the end of the process.
                threading.Thread(target=self._run, args=(self._fetching,), name="platform-token", daemon=True).start()
            return self._fetching

    def _run(self, future: Future[T]) -> None:
        try:
            fresh = self._fetch()
        except Exception as error:  # noqa: BLE001 - whatever a cloud's library raises goes to those who wait
            self._failed(future, error)
            return
        now = time.monotonic()
        with self._lock:
            # At least a pause: a value that is renewed at once would be renewed for every request.
            renew_at = now + min(max(fresh.renew_after, _PAUSE), fresh.good_for)
            self._held = (fresh.value, renew_at, now + fresh.good_for)
            self._fetching = None
        future.set_result(fresh.value)

    def _failed(self, future: Future[T], error: Exception) -> None:
        logger.warning("%s could not be fetched: %s", self._what, type(error.__cause__ or error).__name__)
        with self._lock:
            if self._held is not None:
                value, renew_at, ends_at = self._held
                self._held = (value, max(renew_at, min(time.monotonic() + _PAUSE, ends_at)), ends_at)
            self._fetching = None
        if not isinstance(error, NotAuthorized):
            error = NotAuthorized(f"{self._what} could not be fetched ({type(error).__name__}).")
        future.set_exception(error)
