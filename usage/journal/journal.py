"""The journal of one worker: what must survive a crash is written before anything is sent upstream.

Segments are in a folder of the worker's own, held by a lock. One is removed when all its requests are in the database.
A disk that cannot be written is reported by `failing`, and requests go on without the journal.
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
RETRY_SECONDS = 1.0
"""Seconds between two attempts to write while the disk fails."""


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
        self._retry_at = 0.0

    def start(self) -> None:
        """Creates the folder and locks it; a disk that fails sets `failing` and raises nothing."""
        with self._guard:
            try:
                self._take_folder()
            except OSError as error:
                self._failed(error)

    def append(self, account: Account, *, ended: bool) -> bool:
        """Writes the current state of an account; returns False when the disk fails."""
        if self.failing is not None and time.monotonic() < self._retry_at:
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
        """Releases the lines of an account, which is in the database (or set aside there)."""
        with self._guard:
            for segment in account.segments:
                segment.holds -= 1
                if segment.closed and segment.holds == 0:
                    self._remove(segment)
            account.segments.clear()

    def sync(self) -> None:
        """Syncs everything appended so far to disk."""
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
        """Closes the journal. The folder is removed if all its requests are in the database, else it can be adopted."""
        with self._guard:
            if self._current is not None:
                self._retire(self._current)
                self._current = None
            if self._lock is None:
                return
            if not any(self.folder.glob(f"*{segments.SUFFIX}")):
                removed = self.folder.rename(self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}"))
                (removed / segments.LOCK).unlink(missing_ok=True)
                removed.rmdir()
            os.close(self._lock)
            self._lock = None

    def _segment(self, more: int) -> Segment:
        """Returns the segment for the next line. Raises OSError."""
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
        """Creates the folder, locked before others can see it. Raises OSError."""
        hidden = self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}")
        hidden.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = segments.lock(hidden)
        hidden.rename(self.folder)

    def _retire(self, segment: Segment) -> None:
        """Closes a segment for good, and removes it if nothing in it is needed."""
        segment.sync()
        segment.close()
        if segment.holds == 0:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        self.size -= segment.size
        segment.remove()

    def _failed(self, error: OSError) -> None:
        # A line after a torn one in the same file would be lost with it.
        segment, self._current = self._current, None
        if segment is not None:
            segment.close()
            if segment.holds == 0:
                self._remove(segment)
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self.failing is None:
            logger.error("the journal cannot be written", extra={"fields": {"cause": str(error)}})
        self.failing = str(error)
