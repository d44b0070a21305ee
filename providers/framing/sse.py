"""Server-sent events, the reading side: bytes cut anywhere in, the data of each complete event out.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Comments, ids and event
names are dropped: every dialect has the type of an event in its JSON. What servers write beside the standard is read:

* `error: {...}`, a field of llama.cpp's before 2025-09 (https://github.com/ggml-org/llama.cpp/pull/16109), and
  `event: error` with data that names no error, become `{"error": ...}`;
* a line of JSON without its `data:` is an event (https://github.com/gpustack/gpustack/issues/6155, 2026-08-27).
"""

from __future__ import annotations

import msgspec

MAX_EVENT_BYTES = 16 * 1024 * 1024
# As numbers: looking for one byte that way is ten times as fast as looking for a string of one byte.
_LF, _CR = b"\n\r"
_BESIDE_THE_STANDARD = (b"error:", b"{", b"event: error", b"event:error")


class EventTooLong(Exception):
    """One event grew past MAX_EVENT_BYTES."""


class SSEReader:
    """`feed` bytes as they come; `close` at the end of the body."""

    __slots__ = ("_data", "_data_size", "_first", "_held", "_held_size", "_is_error")

    def __init__(self) -> None:
        self._held: list[bytes] = []  # the unfinished line
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._held_size = 0
        self._data_size = 0
        self._first = True
        self._is_error = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that `data` completes, in order; several data lines are joined by a newline.

        Raises EventTooLong.
        """
        # One whole event, as parts of a stream arrive that arrive alone.
        is_alone = data.startswith(b"data: ") and data.find(_LF) == len(data) - 2 and data.endswith(b"\n\n")
        if is_alone and _CR not in data and not (self._held or self._data or self._is_error):
            self._first = False
            return [data[6:-2]]
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
        return self._plain(data) or self._read(data)

    def is_between_events(self) -> bool:
        """Whether all that came was whole events."""
        return not (self._first or self._held or self._data or self._is_error)

    def _plain(self, data: bytes) -> list[bytes]:
        """The events where nothing but whole events of one data line is there, as most servers send them; else none.

        All of them are cut at once: a step of Python for each line would cost as much as reading its JSON.
        """
        whole, _, tail = data.rpartition(b"\n\n")
        if not whole.startswith(b"data: ") or _LF in tail or self._data or self._is_error:
            return []
        events = whole[6:].split(b"\n\ndata: ")
        # Counting the line ends would look at each byte.
        if _LF in b"".join(events):
            return []
        self._first = False
        self._hold(tail)
        return events

    def _read(self, data: bytes) -> list[bytes]:
        """The events that `data` completes, line by line."""
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
            elif not line:
                if len(self._data) == 1 and not self._is_error:
                    events.append(self._data.pop())
                    self._data_size = 0
                else:
                    self._dispatch(events)
            elif line.startswith(_BESIDE_THE_STANDARD):
                self._read_unusual(line, events)
        self._hold(tail)
        return events

    def close(self) -> list[bytes]:
        """What the end of the body leaves: servers that forget the last blank line still get their last event read.

        Stricter readers drop it; the caller notices a JSON document that is cut in half.
        """
        return self.feed(b"\n\n")

    def _dispatch(self, events: list[bytes]) -> None:
        is_error, self._is_error = self._is_error, False
        if not self._data:
            return
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        events.append(_as_error(data) if is_error else data)

    def _read_unusual(self, line: bytes, events: list[bytes]) -> None:
        if line.startswith(b"event"):
            self._is_error = line.partition(b":")[2].strip() == b"error"
            return
        if line.startswith(b"error"):
            document = _as_error(line[6:].strip())
        elif not self._data and line.rstrip().endswith(b"}"):
            document = line
        else:
            return  # a part of a document whose other lines are data
        self._dispatch(events)
        events.append(document)

    def _hold(self, tail: bytes) -> None:
        if tail:
            self._held.append(tail)
            self._held_size += len(tail)
        if self._held_size + self._data_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event of more than {MAX_EVENT_BYTES} bytes")


def _as_error(data: bytes) -> bytes:
    """The JSON of an error, `{"error": ...}` unless it is one by its own words."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = data.decode("utf-8", "replace")
    if isinstance(value, dict) and (value.get("error") or value.get("type") == "error"):
        return data
    return msgspec.json.encode({"error": value or "The provider reported an error without a message."})
