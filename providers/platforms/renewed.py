"""A short-lived secret (a token, a set of keys): fetched by one thread at a time and cached until it expires.

It is renewed in the background while requests use the old value; only the first request waits.
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
"""Seconds between two attempts to renew a value that has not expired."""


class NotAuthorized(Exception):
    """A request cannot be authorised; the text says why and what to do, and holds no secret."""


class Fetched(NamedTuple, Generic[T]):
    """A value just fetched, the seconds after which to renew it, and the seconds after which it expires."""

    value: T
    renew_after: float
    good_for: float


class RenewedSecret(Generic[T]):
    """One value for any number of threads and event loops (the admin's Test runs its own loop)."""

    def __init__(self, what: str, fetch: Callable[[], Fetched[T]]) -> None:
        self._what = what
        self._fetch = fetch
        self._lock = threading.Lock()
        self._held: tuple[T, float, float] | None = None
        self._fetching: Future[T] | None = None

    async def value(self) -> T:
        """Returns the value. Raises UpstreamError (AUTHENTICATION) when none is cached and none can be fetched."""
        held = self._held
        now = time.monotonic()
        if held is not None and now < held[1]:
            return held[0]
        fetching = self._started(now)
        if held is not None and now < held[2]:
            return held[0]
        try:
            # Shielded: a cancelled caller must not cancel the fetch that others wait for.
            return await asyncio.shield(asyncio.wrap_future(fetching))
        except NotAuthorized as error:
            raise UpstreamError(ErrorKind.AUTHENTICATION, str(error)) from None

    def _started(self, now: float) -> Future[T]:
        with self._lock:
            held = self._held
            if self._fetching is None:
                self._fetching = Future()
                if held is not None and now < held[1]:
                    # Another thread fetched it in between.
                    self._fetching.set_result(held[0])
                    fetched, self._fetching = self._fetching, None
                    return fetched
                # A daemon: a silent token server must not delay the end of the process.
                threading.Thread(target=self._run, args=(self._fetching,), name="platform-token", daemon=True).start()
            return self._fetching

    def _run(self, future: Future[T]) -> None:
        try:
            fresh = self._fetch()
        except Exception as error:  # noqa: BLE001 - whatever a cloud library raises goes to the waiting callers
            self._failed(future, error)
            return
        now = time.monotonic()
        with self._lock:
            # At least a pause, or every request would renew it.
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
