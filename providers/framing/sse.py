"""Server-sent events, the reading side: bytes cut anywhere in, the data of each complete event out.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Comments, ids and event
names are dropped: every dialect has the type of an event in its JSON.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
# As numbers: looking for one byte that way is ten times as fast as looking for a string of one byte.
_LF, _CR = b"\n\r"


class EventTooLong(Exception):
    """One event grew past MAX_EVENT_BYTES."""


class SSEReader:
    """`feed` bytes as they come; `close` at the end of the body."""

    __slots__ = ("_data", "_data_size", "_first", "_held", "_held_size")

    def __init__(self) -> None:
        self._held: list[bytes] = []  # the unfinished line
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._held_size = 0
        self._data_size = 0
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that `data` completes, in order; several data lines are joined by a newline.

        Raises EventTooLong.
        """
        if _LF not in data and _CR not in data and not (self._held and self._held[-1].endswith(b"\r")):
            self._hold(data)
            return []
        if self._held:
            data = b"".join((*self._held, data))
            self._held.clear()
            self._held_size = 0
        if _CR in data:
            # A CR at the very end may be half of a CRLF: it waits for the next byte.
            end = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(end)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + end
        lines = data.split(b"\n")
        tail = lines.pop()
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
                self._data_size += len(line)
            elif not line and self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._data_size = 0
        self._hold(tail)
        return events

    def close(self) -> list[bytes]:
        """What the end of the body leaves: servers that forget the last blank line still get their last event read.

        Stricter readers drop it; the caller notices a JSON document that is cut in half.
        """
        return self.feed(b"\n\n")

    def _hold(self, tail: bytes) -> None:
        if tail:
            self._held.append(tail)
            self._held_size += len(tail)
        if self._held_size + self._data_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event of more than {MAX_EVENT_BYTES} bytes")
