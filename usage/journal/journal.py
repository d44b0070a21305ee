"""The journal of one worker: what must survive a crash is on disk before the upstream hears of it.

Segments live in a folder of the worker's own, held by a lock. One goes when every request in it is in the database.
A disk that takes no more is reported by `failing`, and requests go on without the journal.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from usage.journal import segments
from usage.journal.account import Account, new_identity
from usage.journal.segments import Entry, Segment

logger = logging.getLogger("gateway.usage")

SEGMENT_BYTES = 4 * 1024 * 1024
SEGMENT_SECONDS = 60.0
TRY_AGAIN = 1.0
"""Seconds between two tries to write while the disk refuses."""


class Journal:
    """`append` on the event loop, `written` in the writer's thread, `sync` in the housekeeper's."""

    def __init__(self, root: Path, *, fsync_always: bool = False, max_bytes: int = 2**28) -> None:
        self.folder = root / f"{new_identity().hex}-{os.getpid()}"
        self.failing: str | None = None
        self.size = 0
        self._fsync_always = fsync_always
        self._max_bytes = max_bytes
        self._guard = threading.Lock()
        self._lock: int | None = None
        self._current: Segment | None = None
        self._began = 0.0
        self._number = 0
        self._try_at = 0.0

    def start(self) -> None:
        """Make the folder and take its lock; a disk that refuses is `failing`, not an error."""
        with self._guard:
            try:
                self._take_folder()
            except OSError as error:
                self._failed(error)

    def append(self, account: Account, *, ended: bool) -> bool:
        """Write down how the account stands; False when the disk does not take it."""
        if self.failing is not None and time.monotonic() < self._try_at:
            return False
        line = segments.line_of(Entry("end" if ended else "open", account.request, account.attempts))
        with self._guard:
            try:
                segment = self._segment(len(line))
                segment.append(line)
                if self._fsync_always:
                    segment.sync()
            except OSError as error:
                self._failed(error)
                return False
            self.size += len(line)
            if segment not in account.segments:
                account.segments.append(segment)
                segment.holds += 1
        if self.failing is not None:
            self.failing = None
            logger.warning("the journal can be written again")
        return True

    def written(self, account: Account) -> None:
        """The account is in the database (or set aside there): its lines are needed no more."""
        with self._guard:
            for segment in account.segments:
                segment.holds -= 1
                if segment.closed and segment.holds == 0:
                    self._remove(segment)
            account.segments.clear()

    def sync(self) -> None:
        """Bring everything appended so far onto the disk."""
        try:
            with self._guard:
                descriptor = None if self._current is None else self._current.handle()
            if descriptor is not None:
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            with self._guard:
                self._failed(error)

    def stop(self) -> None:
        """Close the journal. A folder whose requests are all in the database goes; another one waits to be adopted."""
        with self._guard:
            if self._current is not None:
                self._retire(self._current)
                self._current = None
            if self._lock is None:
                return
            if not any(self.folder.glob(f"*{segments.SUFFIX}")):
                gone = self.folder.rename(self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}"))
                (gone / segments.LOCK).unlink(missing_ok=True)
                gone.rmdir()
            os.close(self._lock)
            self._lock = None

    def _segment(self, more: int) -> Segment:
        """The segment for the next line. Raises OSError."""
        if self._lock is None:
            self._take_folder()
        if self.size + more > self._max_bytes:
            raise OSError(f"the journal has grown to its limit of {self._max_bytes} bytes")
        segment = self._current
        old = segment is not None and (
            segment.size >= SEGMENT_BYTES or time.monotonic() - self._began >= SEGMENT_SECONDS
        )
        if segment is not None and old:
            self._retire(segment)
            segment = None
        if segment is None:
            self._number += 1
            segment = self._current = Segment(self.folder / f"{self._number:08d}{segments.SUFFIX}")
            self._began = time.monotonic()
        return segment

    def _take_folder(self) -> None:
        """Make the folder, locked from the moment that others can see it. Raises OSError."""
        hidden = self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}")
        hidden.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = segments.lock(hidden)
        hidden.rename(self.folder)

    def _retire(self, segment: Segment) -> None:
        """Close a segment for good; remove it if nothing in it is needed."""
        segment.sync()
        segment.close()
        if segment.holds == 0:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        self.size -= segment.size
        segment.remove()

    def _failed(self, error: OSError) -> None:
        # What follows a torn line in the same file would be torn with it.
        segment, self._current = self._current, None
        if segment is not None:
            segment.close()
            if segment.holds == 0:
                self._remove(segment)
        self._try_at = time.monotonic() + TRY_AGAIN
        if self.failing is None:
            logger.error("the journal cannot be written", extra={"fields": {"cause": str(error)}})
        self.failing = str(error)
