"""The journal's lines and files. A line is a checksum, a space, and the JSON of one request's account so far.

A line that was torn by a crash or by a disk has a wrong checksum and is skipped. A complete line that this version
cannot read was written by another version: its file is not removed.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from usage.journal.records import AttemptRecord, RequestRecord

SUFFIX = ".journal"
UNREADABLE = ".unreadable"
LOCK = "lock"
HIDDEN = "."
"""The prefix of a folder that its owner has not locked yet."""


class Entry(msgspec.Struct, gc=False):
    """One line: `open` before an attempt is sent upstream, `end` when the request has ended.

    A later entry of the same request replaces an earlier one.
    """

    kind: Literal["open", "end"]
    request: RequestRecord
    attempts: list[AttemptRecord]


Line = tuple[bytes, bytearray, bytes]
"""The parts of a line: put together they would be copied, which takes as long as the checksum."""

_encode_into = msgspec.json.Encoder().encode_into
_decode = msgspec.json.Decoder(Entry).decode


def line_of(entry: Entry, text: bytearray) -> Line:
    """Returns the line of an entry, with its newline. Its JSON is written into `text`, which may be used again."""
    _encode_into(entry, text)
    return b"%08x " % zlib.crc32(text), text, b"\n"


AROUND = len(b"%08x \n" % 0)
"""Bytes of a line beside its JSON."""


class Unreadable(Exception):
    """A complete line that is no entry of this version."""


def entries(data: bytes) -> Iterator[Entry | None]:
    """Yields the entries of a segment in order, and None for each torn line. Raises Unreadable."""
    for line in data.split(b"\n"):
        if not line:
            continue
        text = line[9:]
        if line[:9] != b"%08x " % zlib.crc32(text):
            yield None
            continue
        try:
            entry = _decode(text)
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from error
        yield entry


class Segment:
    """One append-only file. `holds` are the accounts with a line here that are not in the database yet."""

    __slots__ = ("_descriptor", "closed", "dirty", "holds", "path", "size")

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.path = path
        self.size = 0
        self.holds: set[Any] = set()
        self.closed = False
        self.dirty = False

    def append(self, parts: Sequence[bytes | bytearray], size: int) -> None:
        """Writes the parts of a line, `size` bytes, in one write. Raises OSError, also when only some of them were
        written (a full disk)."""
        if os.writev(self._descriptor, parts) != size:
            raise OSError("a line was written in part")
        self.size += size
        self.dirty = True

    def sync(self) -> None:
        """Syncs what was appended to disk. Raises OSError."""
        descriptor = self.handle()
        if descriptor is not None:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def handle(self) -> int | None:
        """Returns a duplicate descriptor to sync what was appended with, or None if everything is synced."""
        if self.closed or not self.dirty:
            return None
        self.dirty = False
        return os.dup(self._descriptor)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)

    def remove(self) -> None:
        """Removes the file: all its requests are in the database."""
        self.close()
        self.path.unlink(missing_ok=True)

    def is_in_place(self) -> bool:
        """Whether the file is still what its path names."""
        return self.path.exists() if self.closed else is_at(self._descriptor, self.path)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is what a path names: not if it was removed, moved, or covered by another."""
    try:
        there = path.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def lock(folder: Path) -> int | None:
    """Locks a folder until the returned descriptor is closed or the process ends; None if another process holds it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
