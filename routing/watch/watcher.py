"""One thread of a serving process. It waits until something may have changed in the database, or until one of those it
looks after has something to write, and gives each of them a turn."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from django.db import Error as DatabaseError
from django.db import connection

from routing.watch import news
from routing.watch.alarm import Alarm
from routing.watch.news import News, Source, Topic

logger = logging.getLogger("gateway.snapshot")

_PATIENCE: Final = 30.0
"""Seconds that the start waits for the first turn."""


class Turn(NamedTuple):
    """What came of a turn. `found`: its rows were others than before. `again`: it is to have another one soon."""

    found: bool = False
    again: bool = False


class Watched(Protocol):
    """Who is looked after, in the watcher's thread."""

    topic: Topic

    def turn(self, *, changed: bool, certain: bool) -> Turn:
        """Does what is due, and reads its rows if they may have `changed`; if not, and `certain`, they have not.
        Raises nothing: what fails is tried again in the next turn."""

    def unreadable(self, error: DatabaseError) -> None:
        """Takes in that the database does not answer."""


class Watcher:
    """`start` returns after the first turn of each, which reads everything, was a success or failed."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._watched = watched
        self._listeners: list[tuple[Topic, Callable[[], None]]] = []
        self._source: Source
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._alarm = Alarm()
        self._behind: set[Topic] = set()
        """Those whose last turn failed."""
        self._calm_at = 0.0

    def start(self) -> None:
        """Starts the thread; call it outside the event loop."""
        if self._thread is not None:
            return
        self._stopping.clear()
        self._alarm.open()
        self._behind = {one.topic for one in self._watched}
        tried = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(tried,), name="watcher", daemon=True)
        self._thread.start()
        tried.wait(_PATIENCE)

    def stop(self) -> None:
        """Ends the thread; call it outside the event loop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._alarm.ring()
            thread.join(5)
            self._alarm.close()
            self._listeners.clear()

    def listen(self, topic: Topic, listener: Callable[[], None]) -> None:
        """Calls `listener`, in the watcher's thread, when something of a topic may have changed. It is to do next to
        nothing, and to look for itself now and then: it is not called while the database is away."""
        self._listeners.append((topic, listener))

    def wake(self) -> None:
        """Gives everybody a turn soon; from any thread."""
        self._alarm.ring()

    def _run(self, tried: threading.Event) -> None:
        try:
            self._source = news.source()
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    self._round(began)
                except Exception:
                    # The thread must go on.
                    logger.exception("looking for changes failed")
                    self._behind = {one.topic for one in self._watched}
                    connection.close()
                tried.set()
                soon = news.INTERVAL if self._behind else self._source.interval
                self._alarm.wait(min(soon, max(self._calm_at, began + self._source.gap) - time.monotonic()), self._fd())
                self._stopping.wait(max(0.0, began + self._source.gap - time.monotonic()))
            self._source.close()
        finally:
            tried.set()
            connection.close()

    def _fd(self) -> int | None:
        # Where a turn failed, rows are read again after a while, whatever comes.
        return None if self._behind else self._source.descriptor()

    def _round(self, now: float) -> None:
        """Gives everybody a turn."""
        is_calm = now >= self._calm_at
        try:
            found = self._news()
        except DatabaseError as error:
            connection.close()
            self._behind = {one.topic for one in self._watched}
            for one in self._watched:
                one.unreadable(error)
        else:
            for topic, listener in self._listeners:
                if topic in found or not self._source.is_reliable:
                    listener()
            for one in self._watched:
                expected = one.topic in found or one.topic in self._behind
                turn = self._turn(one, changed=is_calm or expected)
                (self._behind.add if turn.again else self._behind.discard)(one.topic)
                if turn.found and not expected:
                    self._source.missed(one.topic)
        calm_at = now + self._source.calm
        # It may rely on news no longer.
        self._calm_at = calm_at if is_calm else min(self._calm_at, calm_at)

    def _news(self) -> News:
        """Raises DatabaseError. A connection that was lost is made anew: a server that was restarted is there again."""
        try:
            return self._source.news()
        except DatabaseError:
            connection.close()
            return self._source.news()

    def _turn(self, one: Watched, *, changed: bool) -> Turn:
        try:
            return one.turn(changed=changed, certain=self._source.is_certain)
        except Exception:
            # The thread must go on.
            logger.exception("a look at the database failed")
            connection.close()
            return Turn(again=True)
