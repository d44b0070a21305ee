"""The journal's lines and files: a line is a checksum, a blank, and the JSON of one request's account so far.

A line that is torn, by a crash or by a disk, is told from a whole one by its checksum and skipped. A whole line that
this version cannot read is another's: its file is kept.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from usage.journal.records import AttemptRecord, RequestRecord

SUFFIX = ".journal"
KEPT = ".unreadable"
LOCK = "lock"
HIDDEN = "."
"""How the name of a folder begins that its owner has not locked yet."""


class Entry(msgspec.Struct):
    """One line: `open` before an attempt's first byte goes upstream, `end` when the request has ended.

    A later entry of the same request replaces an earlier one.
    """

    kind: Literal["open", "end"]
    request: RequestRecord
    attempts: list[AttemptRecord]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


def line_of(entry: Entry) -> bytes:
    """The line of an entry, with its newline."""
    text = _encode(entry)
    return b"%08x %b\n" % (zlib.crc32(text), text)


class Unreadable(Exception):
    """A whole line that is no entry of this version's."""


def entries(data: bytes) -> Iterator[Entry | None]:
    """The entries of a segment's bytes in order; None for every line that is torn. Raises Unreadable."""
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
    """One append-only file. `holds` counts the accounts that have a line here and are not in the database yet."""

    __slots__ = ("_descriptor", "closed", "dirty", "holds", "path", "size")

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.path = path
        self.size = 0
        self.holds = 0
        self.closed = False
        self.dirty = False

    def append(self, line: bytes) -> None:
        """Write a line in one write. Raises OSError, also when only a part of it was taken (a full disk)."""
        if os.write(self._descriptor, line) != len(line):
            raise OSError("a line was written in part")
        self.size += len(line)
        self.dirty = True

    def sync(self) -> None:
        """Bring what was appended onto the disk. Raises OSError."""
        descriptor = self.handle()
        if descriptor is not None:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def handle(self) -> int | None:
        """A descriptor of one's own to bring what was appended onto the disk by, or None if all of it is there."""
        if self.closed or not self.dirty:
            return None
        self.dirty = False
        return os.dup(self._descriptor)

    def close(self) -> None:
        """No more lines; a second call does nothing."""
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)

    def remove(self) -> None:
        """All of its requests are in the database."""
        self.close()
        self.path.unlink(missing_ok=True)


def lock(folder: Path) -> int | None:
    """The descriptor of the folder's lock, held until it is closed or its process ends; None if another holds it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
