"""All browsers of one process that look at the live view: one reader of the rows, whose findings go to each of them."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
from django.db import Error as DatabaseError
from django.db import connection

from proxysite.live import rows
from proxysite.live.sight import Sight
from usage.live.streams import MOST_ENDED, MOST_RUNNING, Sample, Stream, decode_streams

logger = logging.getLogger("gateway.live")

INTERVAL = 1.0
"""Seconds between two updates of a page."""
MOST_WATCHERS = 200
"""Browsers of one process."""
_FIRST = 2.0
"""Seconds in which a worker whose row is new here must write another one."""
_REMEMBERED = 1000
"""Requests that ended, for those who see few of them."""


class Frame(msgspec.Struct, omit_defaults=True):
    """What a page is told: all that runs, and what ended where that has changed. `trouble`: nothing can be read."""

    running: list[Stream] = []
    left_off: int = 0
    ended: list[Stream] | None = None
    workers: int = 0
    trouble: bool = False


class Update(str):
    """What browsers are told, as JSON. The bytes on the wire are made once for all (proxysite.live.protocol)."""

    __slots__ = ("frame",)
    frame: bytes


_TROUBLE = Update(msgspec.json.encode(Frame(trouble=True)).decode())


class Watcher:
    """One browser. What it has not taken when the next update comes is dropped: it gets the newest one alone."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self._frame: Update | None = None
        self._owes_ended = False
        self._told: tuple[str, ...] | None = None
        self._changed = asyncio.Event()

    def offer(self, shown: _Shown) -> None:
        """Replaces the update that the browser has not taken yet."""
        if shown.ids != self._told:
            self._told, self._owes_ended = shown.ids, True
        self._put(shown.text(with_ended=self._owes_ended))

    def tell_trouble(self) -> None:
        """Tells it that nothing can be read."""
        self._put(_TROUBLE)

    async def next(self) -> Update:
        """Waits for an update, and returns it."""
        while self._frame is None:
            await self._changed.wait()
            self._changed.clear()
        frame, self._frame = self._frame, None
        self._owes_ended = self._owes_ended and frame == _TROUBLE
        return frame

    def _put(self, frame: Update) -> None:
        self._frame = frame
        self._changed.set()


class _Shown:
    """What the browsers of one sight are told, written once for all of them."""

    def __init__(self, running: list[Stream], left_off: int, ended: list[Stream], workers: int) -> None:
        self._ended = ended
        self.ids = tuple([stream.id for stream in ended])
        self._frame = Frame(running[:MOST_RUNNING], left_off + max(0, len(running) - MOST_RUNNING), None, workers)
        self._texts: dict[bool, Update] = {}

    def text(self, *, with_ended: bool) -> Update:
        """Returns the update as JSON."""
        if with_ended not in self._texts:
            self._frame.ended = self._ended if with_ended else None
            self._texts[with_ended] = Update(msgspec.json.encode(self._frame).decode())
        return self._texts[with_ended]


class Hub:
    """Reads once a second while there are watchers, and keeps the look alive. In the event loop."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, watcher: Watcher) -> bool:
        """Begins to tell a watcher; returns False where there are too many."""
        if len(self._watchers) >= MOST_WATCHERS:
            return False
        self._watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="live view")
        return True

    def leave(self, watcher: Watcher) -> None:
        """Ends it; a second call does nothing."""
        self._watchers.discard(watcher)

    async def _run(self) -> None:
        loop, reader = asyncio.get_running_loop(), Reader()
        with ThreadPoolExecutor(1, "live-view") as pool:
            while self._watchers:
                began = loop.time()
                self._tell(await loop.run_in_executor(pool, reader.read))
                await asyncio.sleep(max(0.0, INTERVAL - (loop.time() - began)))
            # Whoever joins from now on starts another task.
            self._task = None
            await loop.run_in_executor(pool, reader.close)

    def _tell(self, found: Found | None) -> None:
        if found is None:
            for watcher in self._watchers:
                watcher.tell_trouble()
            return
        shown: dict[Sight, _Shown] = {}
        for watcher in self._watchers:
            if watcher.sight not in shown:
                shown[watcher.sight] = found.for_sight(watcher.sight)
            watcher.offer(shown[watcher.sight])


class Found:
    """What all workers told."""

    def __init__(self, samples: list[Sample], ended: list[Stream]) -> None:
        self._samples = samples
        self._running = sorted(
            (stream for sample in self._samples for stream in sample.running), key=lambda one: -one.seconds
        )
        self._ended = ended

    def for_sight(self, sight: Sight) -> _Shown:
        """Returns what of it somebody sees. Whoever does not see everything is not told how much there is besides."""
        if sight.everything:
            left_off = sum(sample.left_off for sample in self._samples)
            return _Shown(self._running, left_off, self._ended[:MOST_ENDED], len(self._samples))
        running = [stream for stream in self._running if sight.shows(stream)]
        ended = [stream for stream in self._ended if sight.shows(stream)]
        return _Shown(running, 0, ended[:MOST_ENDED], len(self._samples))


class Reader:
    """Reads the rows of all workers, in a thread. Clocks differ, so a worker is there while its row changes."""

    def __init__(self) -> None:
        self._renew_at = 0.0
        self._seen: dict[str, tuple[object, float]] = {}
        self._lists: dict[str, bytes] = {}
        self._ended: list[Stream] = []
        self._failing = False

    def read(self) -> Found | None:
        """Returns what runs and what ended, the last in front; None where the database does not answer."""
        try:
            found = self._read()
        except DatabaseError as error:
            if not self._failing:
                logger.warning("the live view waits for the database", extra={"fields": {"cause": str(error)}})
            self._failing = True
            connection.close()
            return None
        except Exception:
            # The task must go on, and no page stay as it was without a word.
            logger.exception("the live view failed")
            return None
        self._failing = False
        return found

    def close(self) -> None:
        """Gives the connection of its thread back."""
        connection.close()

    def _read(self) -> Found:
        now = time.monotonic()
        if now >= self._renew_at:
            rows.look()
            self._renew_at = now + rows.RENEW
        present = []
        found = rows.samples()
        for worker, (at, sample) in found.items():
            before = self._seen.get(worker)
            if before is None or before[0] != at:
                # A row that was there before the look is of an earlier one.
                self._seen[worker] = before = (at, now if before is not None else now - rows.GONE + _FIRST)
            if now - before[1] < rows.GONE:
                present.append(sample)
                self._remember(worker, bytes(sample.ended))
        self._seen = {worker: seen for worker, seen in self._seen.items() if worker in found}
        self._lists = {worker: ended for worker, ended in self._lists.items() if worker in found}
        return Found(present, self._ended)

    def _remember(self, worker: str, ended: bytes) -> None:
        """Puts what ended to what had ended before, the last in front."""
        if self._lists.get(worker) != ended:
            self._lists[worker] = ended
            known = {stream.id: stream for stream in (*self._ended, *decode_streams(ended))}
            self._ended = sorted(known.values(), key=lambda one: -(one.at or 0.0))[:_REMEMBERED]


hub = Hub()
"""That of this process."""
