"""Newline-delimited JSON, the reading side: bytes cut anywhere in, whole lines out. Blank lines are skipped.

https://github.com/ndjson/ndjson-spec. The caller checks that a line is JSON.
"""

from __future__ import annotations

from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong

# As a number: looking for one byte that way is ten times as fast as looking for a string of one byte.
_LF = 0x0A


class LineReader:
    """`feed` bytes as they come; `close` at the end of the body. It is never one document (`is_document`)."""

    __slots__ = ("_held", "_held_size", "is_document")

    def __init__(self) -> None:
        self.is_document: bool | None = False
        self._held: list[bytes] = []  # the unfinished line
        self._held_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, in order, maybe with a CR at their end. Raises EventTooLong."""
        if _LF not in data:
            self._hold(data)
            return []
        if self._held:
            data = b"".join((*self._held, data))
            self._held.clear()
            self._held_size = 0
        lines = data.split(b"\n")
        self._hold(lines.pop())
        return [line for line in lines if line and not line.isspace()]

    def close(self) -> list[bytes]:
        """The last line, if no newline ended it; it may be half of one."""
        return self.feed(b"\n")

    def _hold(self, tail: bytes) -> None:
        if tail:
            self._held.append(tail)
            self._held_size += len(tail)
        if self._held_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"a line of more than {MAX_EVENT_BYTES} bytes")
