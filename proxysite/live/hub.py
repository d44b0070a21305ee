"""All browsers of one process that look at the live view: one reader of the rows, whose findings go to each of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import msgspec
from django.db import Error as DatabaseError
from django.db import connection

from proxysite.live import rows
from proxysite.live.sight import Sight
from usage.live.streams import MOST_ENDED, MOST_RUNNING, NONE, Sample, Stream, decode_streams, encode, without_provider

logger = logging.getLogger("gateway.live")

INTERVAL = 1.0
"""Seconds between two updates of a page."""
MOST_WATCHERS = 200
"""Browsers of one process."""
MOST_OF_ONE = 5
"""Of these, those of one person."""
_FIRST = 2.0
"""Seconds in which a worker whose row is new here must write another one."""
_REMEMBERED = 1000
"""Requests that ended, for those who see few of them."""


class Frame(msgspec.Struct, omit_defaults=True):
    """What a page is told: all that runs, and what ended where that has changed. `trouble`: nothing can be read."""

    running: msgspec.Raw = NONE
    left_off: int = 0
    ended: msgspec.Raw | None = None
    workers: int = 0
    trouble: bool = False


class Update(str):
    """What browsers are told, as JSON. The bytes on the wire are made once for all (proxysite.live.protocol)."""

    __slots__ = ("frame",)
    frame: bytes


_TROUBLE = Update(msgspec.json.encode(Frame(trouble=True)).decode())


class Watcher:
    """One browser. What it has not taken when the next update comes is dropped: it gets the newest one alone."""

    def __init__(self, sight: Sight, person_id: int) -> None:
        self.sight = sight
        self.person_id = person_id
        self._frame: Update | None = None
        self._owes_ended = False
        self._sent_ended: bytes | None = None
        self._changed = asyncio.Event()

    def offer(self, shown: _Shown) -> None:
        """Replaces the update that the browser has not taken yet."""
        if shown.ended != self._sent_ended:
            self._sent_ended, self._owes_ended = shown.ended, True
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

    def __init__(self, running: bytes, left_off: int, ended: bytes, workers: int) -> None:
        self.ended = ended
        self._frame = Frame(msgspec.Raw(running), left_off, None, workers)
        self._texts: dict[bool, Update] = {}

    def text(self, *, with_ended: bool) -> Update:
        """Returns the update as JSON."""
        if with_ended not in self._texts:
            self._frame.ended = msgspec.Raw(self.ended) if with_ended else None
            self._texts[with_ended] = Update(msgspec.json.encode(self._frame).decode())
        return self._texts[with_ended]


class Refused(Enum):
    """Why a watcher is not told."""

    TOO_MANY = "too many"
    TOO_MANY_OF_ONE = "too many of one person"


class Hub:
    """Reads once a second while there are watchers, and keeps the look alive. In the event loop."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, watcher: Watcher) -> Refused | None:
        """Begins to tell a watcher; returns why it is not told where there are too many."""
        if len(self._watchers) >= MOST_WATCHERS:
            return Refused.TOO_MANY
        if sum(one.person_id == watcher.person_id for one in self._watchers) >= MOST_OF_ONE:
            return Refused.TOO_MANY_OF_ONE
        self._watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="live view")
        return None

    def leave(self, watcher: Watcher) -> None:
        """Ends it; a second call does nothing."""
        self._watchers.discard(watcher)

    async def _run(self) -> None:
        loop, reader = asyncio.get_running_loop(), Reader()
        pool = ThreadPoolExecutor(1, "live-view")
        try:
            while self._watchers:
                began = loop.time()
                await self._round(pool, reader)
                await asyncio.sleep(max(0.0, INTERVAL - (loop.time() - began)))
        finally:
            # Whoever joins from now on starts another task.
            self._task = None
            pool.submit(reader.close)
            pool.shutdown(wait=False)

    async def _round(self, pool: ThreadPoolExecutor, reader: Reader) -> None:
        try:
            sights = {watcher.sight for watcher in self._watchers}
            self._tell(await asyncio.get_running_loop().run_in_executor(pool, reader.read, sights))
        except Exception:
            # One round that fails must not be the last one of this process, nor leave pages as they are without a word.
            logger.exception("the live view failed")
            self._tell(None)

    def _tell(self, found: dict[Sight, _Shown] | None) -> None:
        for watcher in self._watchers:
            if found is None:
                watcher.tell_trouble()
            elif watcher.sight in found:
                watcher.offer(found[watcher.sight])
            # Whoever came, or got another sight, while it was read is told by the next round.


class _Streams:
    """Streams in an order, as JSON, found by whose they are."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams
        self._everything: bytes | None = None
        self._known: dict[int, bytes] = {}
        self._of_team: dict[int | None, list[int]] = defaultdict(list)
        self._of_owner: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
        for place, stream in enumerate(streams):
            self._of_team[stream.team_id].append(place)
            self._of_owner[stream.team_id, stream.owner_id].append(place)

    def seen_by(self, sight: Sight, most: int) -> tuple[bytes, int]:
        """Returns those in front of what somebody sees as a JSON list, and how many more there are."""
        if sight.everything:
            if self._everything is None:
                self._everything = encode(self._streams[:most])
            return self._everything, max(0, len(self._streams) - most)
        places = sorted(self._places(sight))
        shown = b",".join(self._without_provider(place) for place in places[:most])
        return b"[%b]" % shown, max(0, len(places) - most)

    def _places(self, sight: Sight) -> Iterable[int]:
        for team in sight.led:
            yield from self._of_team.get(team, ())
        for team in sight.joined:
            yield from self._of_owner.get((team, sight.person_id), ())

    def _without_provider(self, place: int) -> bytes:
        if place not in self._known:
            self._known[place] = encode(without_provider(self._streams[place]))
        return self._known[place]


class Found:
    """What all workers told."""

    def __init__(self, samples: list[Sample], ended: _Streams) -> None:
        self._workers = len(samples)
        self._left_off = sum(sample.left_off for sample in samples)
        self._running = _Streams(
            sorted((stream for sample in samples for stream in sample.running), key=lambda one: -one.seconds)
        )
        self._ended = ended

    def for_sight(self, sight: Sight) -> _Shown:
        """Returns what of it somebody sees. Whoever does not see everything is not told how much there is besides."""
        running, more = self._running.seen_by(sight, MOST_RUNNING)
        ended, _ = self._ended.seen_by(sight, MOST_ENDED)
        return _Shown(running, more + self._left_off if sight.everything else more, ended, self._workers)


class Reader:
    """Reads the rows of all workers, in a thread. Clocks differ, so a worker is there while its row changes."""

    def __init__(self) -> None:
        self._renew_at = 0.0
        self._seen: dict[str, tuple[object, float]] = {}
        self._lists: dict[str, bytes] = {}
        self._ended: list[Stream] = []
        self._ended_found = _Streams(())
        self._failing = False

    def read(self, sights: Iterable[Sight]) -> dict[Sight, _Shown] | None:
        """Returns what each sight sees: the longest running and the last ended in front. None where the database does
        not answer."""
        try:
            read = self._read()
            found = {sight: read.for_sight(sight) for sight in sights}
        except DatabaseError as error:
            if not self._failing:
                logger.warning("the live view waits for the database", extra={"fields": {"cause": str(error)}})
            self._failing = True
            connection.close()
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
        return Found(present, self._ended_found)

    def _remember(self, worker: str, ended: bytes) -> None:
        """Puts what ended to what had ended before, the last in front."""
        if self._lists.get(worker) != ended:
            self._lists[worker] = ended
            known = {stream.id: stream for stream in (*self._ended, *decode_streams(ended))}
            self._ended = sorted(known.values(), key=lambda one: -(one.at or 0.0))[:_REMEMBERED]
            self._ended_found = _Streams(self._ended)


hub = Hub()
"""That of this process."""
