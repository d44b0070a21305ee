"""The journal of one worker: what must survive a crash is written before anything is sent upstream.

Segments are in a folder of the worker's own, held by a lock. One is removed when all its requests are in the database.
A disk that cannot be written is reported by `failing`, and requests go on. `check` writes what the journal lacks."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from usage.journal import segments
from usage.journal.account import Account, new_identity
from usage.journal.segments import Entry, Segment

logger = logging.getLogger("gateway.usage")

SEGMENT_BYTES = 4 * 1024 * 1024
SEGMENT_SECONDS = 60.0
RETRY_SECONDS = 1.0
"""Seconds between two attempts to write while the disk fails."""
_AT_A_TIME = 100
"""Accounts that are written anew without a break."""
_TEST_LINES = b"\n" * 1024
"""Empty lines, which readers skip, about as long as an entry."""


class Journal:
    """`append` on the event loop, `written` in the writer's thread, `sync` and `check` in the housekeeper's."""

    def __init__(self, root: Path, *, fsync_always: bool = False, max_bytes: int = 2**28) -> None:
        self._root = root
        self.folder = self._new_folder()
        self.failing: str | None = None
        self.disappeared_at: float | None = None
        """When the folder or a file in it was found to be gone, the last time; POSIX seconds."""
        self.size = 0
        self._fsync_always = fsync_always
        self.max_bytes = max_bytes
        self._guard = threading.Lock()
        self._text = bytearray()
        """Of the line that is being written."""
        self._lock: int | None = None
        self._left: list[int] = []
        """The locks of folders that were moved away. While they are held, nobody adopts what still runs here."""
        self._segments: list[Segment] = []
        self._current: Segment | None = None
        self._unwritten: dict[Account, None] = {}
        """Accounts whose latest lines the journal lacks and should have."""
        self._old_at = 0.0
        """When the current segment must be followed by another."""
        self._number = 0
        self._retry_at = 0.0
        self.unsynced = False
        self.on_unsynced: Callable[[], object] = bool  # called with the first line after a sync

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
            with self._guard:
                self._unwritten[account] = None
            return False
        with self._guard:
            try:
                self._put(account, ended=ended)
            except OSError as error:
                self._unwritten[account] = None
                self._failed(error)
                return False
        if self.failing is not None:
            self._works()
        return True

    @property
    def lacks(self) -> bool:
        """Whether it lacks lines that it should have."""
        return bool(self._unwritten)

    @property
    def is_settled(self) -> bool:
        """Whether all requests are in the database."""
        return not self._unwritten and not any(segment.holds for segment in self._segments)

    def oldest(self) -> float | None:
        """Returns when the oldest request began that is not in the database, in POSIX seconds; None without any."""
        with self._guard:
            # Requests are in the order of their segments.
            holding = next((segment for segment in self._segments if segment.holds), None)
            began = [account.request.started_at for account in holding.holds] if holding is not None else []
        return min(began).timestamp() if began else None

    def written(self, accounts: Collection[Account]) -> None:
        """Releases the lines of accounts, which are in the database (or set aside there)."""
        with self._guard:
            for account in accounts if self._unwritten else ():
                self._unwritten.pop(account, None)
            for segment in {segment for account in accounts for segment in account.segments}:
                segment.holds.difference_update(accounts)
                if segment.closed and not segment.holds:
                    self._remove(segment)
            for account in accounts:
                account.segments.clear()

    def sync(self) -> None:
        """Syncs everything appended so far to disk."""
        try:
            with self._guard:
                descriptor = self._current.handle() if self._current is not None and self.unsynced else None
                self.unsynced = False
            if descriptor is not None:
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            with self._guard:
                self._failed(error)

    def check(self, *, by_writing: bool = False) -> None:
        """Replaces what disappeared, and writes what the journal lacks as soon as the disk takes it.

        `by_writing` tests a disk that is not known to fail; one that is known to is always tested.
        """
        with self._guard:
            try:
                if self._lock is not None:
                    self._replace_missing()
                if by_writing or self.failing is not None:
                    self._test_disk()
            except OSError as error:
                self._failed(error)
                return
        if self.failing is not None:
            self._works()
        while self._unwritten:  # a few at a time: requests wait meanwhile
            with self._guard:
                try:
                    for account in list(itertools.islice(self._unwritten, _AT_A_TIME)):
                        self._put(account, ended=account.ended)
                except OSError as error:
                    self._failed(error)
                    return

    def stop(self, *, keep_folder: bool = False) -> None:
        """Closes the journal. The folder is removed if all its requests are in the database, else, or with
        `keep_folder`, it can be adopted."""
        if self._unwritten or self._segments:
            self.check()
        with self._guard:
            try:
                self._close_folder(keep=keep_folder)
            except OSError as error:
                logger.warning("the journal's folder could not be removed", extra={"fields": {"cause": str(error)}})
            for lock in (self._lock, *self._left):
                if lock is not None:
                    os.close(lock)
            self._lock = None
            self._left.clear()

    def _put(self, account: Account, *, ended: bool) -> None:
        """Writes the current state of an account as its latest line. Raises OSError."""
        line = segments.line_of(Entry("end" if ended else "open", account.request, account.attempts), self._text)
        size = len(self._text) + segments.AROUND
        segment = self._segment(size)
        segment.append(line, size)
        if self._fsync_always:
            segment.sync()
        self.size += size
        if not self.unsynced:
            self.unsynced = True
            self.on_unsynced()
        if account not in segment.holds:
            account.segments.append(segment)
            segment.holds.add(account)
        if self._unwritten:
            self._unwritten.pop(account, None)

    def _test_disk(self) -> None:
        """Writes empty lines. Raises OSError."""
        lines = b"\n" if self.failing is None else _TEST_LINES
        self._segment(len(lines)).append([lines], len(lines))
        self.size += len(lines)

    def _segment(self, more: int) -> Segment:
        """Returns the segment for the next line. Raises OSError."""
        if self._lock is None:
            self._take_folder()
        if self.size + more > self.max_bytes:
            raise OSError(f"the journal has grown to its limit of {self.max_bytes} bytes")
        segment = self._current
        if segment is not None:
            if segment.size < SEGMENT_BYTES and time.monotonic() < self._old_at:
                return segment
            self._retire(segment)
        self._number += 1
        segment = self._current = Segment(self.folder / f"{self._number:08d}{segments.SUFFIX}")
        self._segments.append(segment)
        self._old_at = time.monotonic() + SEGMENT_SECONDS
        return segment

    def _new_folder(self) -> Path:
        return self._root / f"{new_identity().hex}-{os.getpid()}"

    def _take_folder(self) -> None:
        """Creates the folder, locked before others can see it. Raises OSError."""
        hidden = self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}")
        hidden.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = segments.lock(hidden)
        hidden.rename(self.folder)

    def _close_folder(self, *, keep: bool = False) -> None:
        """Closes the segment, and removes the folder if nothing in it is needed, unless it is to `keep`. Raises
        OSError."""
        if self._current is not None:
            self._retire(self._current)
            self._current = None
        if keep or self._lock is None or any(self.folder.glob(f"*{segments.SUFFIX}")):
            return
        removed = self.folder.rename(self.folder.with_name(f"{segments.HIDDEN}{self.folder.name}"))
        (removed / segments.LOCK).unlink(missing_ok=True)
        removed.rmdir()

    def _replace_missing(self) -> None:
        """Takes a new folder where this one is gone, and notes what the lost files held. Raises OSError."""
        is_held = self._lock is not None and segments.is_at(self._lock, self.folder / segments.LOCK)
        missing = [segment for segment in self._segments if not (is_held and segment.is_in_place())]
        if is_held and not missing:
            return
        self.disappeared_at = time.time()
        fields = {"folder": str(self.folder), "files": len(missing)}
        logger.error("files of the usage journal disappeared: they are written anew", extra={"fields": fields})
        for segment in missing:
            for account in segment.holds:
                account.segments.remove(segment)
                self._unwritten[account] = None
            segment.holds.clear()
            self._remove(segment)
        if self._current in missing:
            self._current = None
        if not is_held:
            self._leave_folder()
            self._take_folder()

    def _leave_folder(self) -> None:
        lock, self._lock = self._lock, None
        self.folder = self._new_folder()
        if lock is None:
            return
        if os.fstat(lock).st_nlink:
            self._left.append(lock)
        else:
            os.close(lock)

    def _retire(self, segment: Segment) -> None:
        """Closes a segment for good, and removes it if nothing in it is needed."""
        segment.sync()
        segment.close()
        if not segment.holds:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        self.size -= segment.size
        self._segments.remove(segment)
        try:
            segment.remove()
        except OSError as error:
            # Whoever adopts it finds its rows in the database.
            fields = {"file": str(segment.path), "cause": str(error)}
            logger.warning("a file of the journal could not be removed", extra={"fields": fields})

    def _works(self) -> None:
        self.failing = None
        logger.warning("the journal can be written again")

    def _failed(self, error: OSError) -> None:
        # A line after a torn one in the same file would be lost with it.
        segment, self._current = self._current, None
        if segment is not None:
            segment.close()
            if not segment.holds:
                self._remove(segment)
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self.failing is None:
            logger.error("the journal cannot be written", extra={"fields": {"cause": str(error)}})
        self.failing = str(error)
