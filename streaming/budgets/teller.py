"""The thread of a worker that talks to the database about budgets, with a connection of its own.

Draws that wait at the same time go in one transaction. A lock is waited for briefly, and a draw for little more than a
second in all: then the store counts as unreadable.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import OperationalError, connection

from streaming.budgets.bell import Bell
from streaming.budgets.purse import Claim
from usage.budgets.bank import Return
from usage.budgets.draw import Draw, Drawn, Refusal, Want

logger = logging.getLogger("gateway.budgets")

LOCK_SECONDS = 0.25
"""How long a statement waits for a lock."""
PATIENCE = 1.25
"""Seconds after which no lock is tried again."""
STUCK = 3.0
"""Seconds after which the database does not answer: longer, because a machine that is busy is no reason to refuse."""
_PAUSE = 0.02
"""Seconds between two tries to get a lock."""
_STATEMENT_SECONDS = 10.0
"""How long a statement may take: the sum over the rows of a new window."""
_CONNECT_SECONDS = 2

T = TypeVar("T")


class StoreUnreadable(Exception):
    """The database does not answer, or not in time."""


class WindowRemoved(StoreUnreadable):
    """A window was removed, because its budget changed: open those of the budgets again."""


class Unsettled(StoreUnreadable):
    """Money may have been given back or not: the thread finds out before it does anything else with money."""


class _Job:
    """Something to do in the thread. `future` belongs to the event loop."""

    __slots__ = ("claim", "due", "future", "work")

    def __init__(
        self, future: asyncio.Future[Any], work: Callable[[], Any] | Want | Return, claim: Claim | None = None
    ) -> None:
        self.future = future
        self.work = work
        self.claim = claim
        self.due = time.monotonic() + PATIENCE


class Teller:
    """`start` it in the event loop that calls it."""

    def __init__(self, worker: str, bell: Bell, drawn: Callable[[Drawn, bytes], None]) -> None:
        self._worker = worker
        self._bell = bell
        self._drawn = drawn
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._failing = False
        self.unknown: Draw | Return | None = None
        """The last draw or return, if its commit was lost: it is settled before the next one."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def failing(self) -> bool:
        """Whether the last job failed, or the present one takes too long."""
        busy = self._busy_since
        return self._failing or (busy is not None and time.monotonic() - busy > STUCK)

    def start(self) -> None:
        """Starts the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="budgets", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Ends the thread after what was asked for; call it outside the event loop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(patience)

    async def draw(self, claim: Claim) -> Refusal | None:
        """Draws what a claim lacks, and gives it the money before it returns. Raises StoreUnreadable, as `ask` does."""
        return await _patiently(self._put(claim.want(), claim))

    async def ask(self, work: Callable[[], T]) -> T:
        """Returns what a function returns in the thread. Raises StoreUnreadable, also after STUCK seconds."""
        return await _patiently(self.run(work))

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Calls a function in the thread, in order with all others, and returns at once. Raises StoreUnreadable."""
        return self._put(work, None)

    def give_back(self, amounts: Mapping[int, int]) -> asyncio.Future[None]:
        """Gives money back to windows, in order with all else, and returns at once. Raises StoreUnreadable, and so may
        the future: if with Unsettled, the money is no longer the caller's."""
        return self._put(Return(self._worker, amounts), None)

    def settle(self) -> None:
        """Undoes the draw, or makes the return, whose commit was lost; call it in the thread."""
        if isinstance(self.unknown, Draw):
            self.unknown.undo()
        elif self.unknown is not None:
            self.unknown.make()
        self.unknown = None

    def _put(self, work: Callable[[], Any] | Want | Return, claim: Claim | None) -> asyncio.Future[Any]:
        busy = self._busy_since
        if self._loop is None or (busy is not None and time.monotonic() - busy > STUCK):
            # It hangs: nobody need wait for that a second time.
            raise StoreUnreadable
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Job(future, work, claim))
        return future

    def _run(self) -> None:
        _be_impatient()
        try:
            while True:
                jobs, last = self._collect()
                self._busy_since = time.monotonic()
                draws = [job for job in jobs if job.claim is not None]
                for job in jobs:
                    if isinstance(job.work, Return):
                        self._finish([job], self._made(job.due, job.work))
                    elif job.claim is None:
                        self._finish([job], self._tried(job.due, job.work))  # type: ignore[arg-type]
                if draws:
                    bell = self._bell.value()
                    wants: list[Any] = [job.work for job in draws]
                    self._finish(draws, self._made(min(job.due for job in draws), Draw(self._worker, wants)), bell)
                self._busy_since = None
                if last:
                    return
        finally:
            connection.close()

    def _collect(self) -> tuple[list[_Job], bool]:
        """Returns all that waits, and whether the thread should end after it."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _made(self, due: float, one: Draw | Return) -> Any:
        """Returns the outcome of a draw or a return, or StoreUnreadable."""
        settled = None if self.unknown is None else self._tried(due, self.settle)
        if isinstance(settled, Exception):
            return settled
        made = self._tried(due, one.make)
        if isinstance(made, Exception) and one.may_be_made:
            # Nobody waits for it any more.
            self.unknown = one
            return Unsettled()
        return made

    def _tried(self, due: float, work: Callable[[], Any]) -> Any:
        """Returns the result, or StoreUnreadable as a value. Waits for locks until `due`, reconnects once."""
        again = True
        while True:
            try:
                result = work()
            except DatabaseError as error:
                _let_go(error)
                locked = is_locked(error)
                if not locked:
                    connection.close()
                if (locked and time.monotonic() + _PAUSE < due) or (not locked and again):
                    again = again and locked
                    time.sleep(_PAUSE)
                    continue
                if not self._failing:
                    logger.error("budgets cannot be read", extra={"fields": {"cause": str(error)}})
                self._failing = True
                return StoreUnreadable()
            except Exception:
                logger.exception("a job about budgets failed")
                connection.close()
                return StoreUnreadable()
            if self._failing:
                self._failing = False
                logger.warning("budgets can be read again")
            return result

    def _finish(self, jobs: list[_Job], result: Any, bell: bytes = b"") -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_over, jobs, result, bell)

    def _hand_over(self, jobs: list[_Job], result: Any, bell: bytes) -> None:
        """In the event loop: money enters before anybody is woken."""
        if isinstance(result, Drawn):
            self._drawn(result, bell)
            for job, refusal in zip(jobs, result.refusals, strict=True):
                if refusal is None and job.claim is not None and isinstance(job.work, Want):
                    job.claim.granted(job.work)
                if not job.future.done():
                    job.future.set_result(refusal)
            return
        for job in jobs:
            if job.future.done():
                continue
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)


async def _patiently(future: asyncio.Future[T]) -> T:
    try:
        async with asyncio.timeout(STUCK):
            return await future
    except TimeoutError as error:
        raise StoreUnreadable from error


def is_locked(error: Exception) -> bool:
    """Returns whether another transaction holds what a statement waited for."""
    cause = error.__cause__
    return isinstance(error, OperationalError) and (
        getattr(cause, "sqlstate", None) in _LOCKED_STATES or "locked" in str(error)
    )


_LOCKED_STATES = frozenset({"55P03", "40P01"})
"""PostgreSQL's lock_not_available and deadlock_detected."""


def _let_go(error: BaseException | None) -> None:
    """Ends what the frames of an error hold, here and now.

    They hold cursors, in a cycle that only the garbage collector ends. A cursor of SQLite cannot be ended while another
    statement of its connection waits for a lock, and the collector runs in the event loop: everybody would wait.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__


def _be_impatient() -> None:
    """Lets this thread's connection wait only briefly; call it before the first query."""
    options = dict(connection.settings_dict.get("OPTIONS", {}))
    if connection.vendor == "postgresql":
        milliseconds = {"lock_timeout": LOCK_SECONDS * 1000, "statement_timeout": _STATEMENT_SECONDS * 1000}
        given = " ".join(f"-c {name}={int(value)}" for name, value in milliseconds.items())
        options["options"] = f"{options.get('options', '')} {given}".strip()
        options.setdefault("connect_timeout", _CONNECT_SECONDS)
    else:
        options["timeout"] = LOCK_SECONDS
    # A copy: other threads' connections have the same dict.
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
