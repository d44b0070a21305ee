"""The tool calls of one answer in the order of their start: one is open, those that started after it wait.

Claude's stream has one open block, other dialects let the fragments of parallel calls interleave; here they are kept
apart. It writes nothing; the encoder asks what may go out now.
"""

from __future__ import annotations

import re
from collections import deque

import msgspec

from providers.events import ToolArgumentsDelta, ToolCallStarted
from providers.framing.sse import EventTooLong

EARLY_LIMIT = 1 << 20
KEPT_LIMIT = 16 << 20
CALLS_LIMIT = 10_000
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


class ToolCall:
    """One call; `id` and `name` are empty until it has started, `parts` is the JSON text of its arguments so far."""

    __slots__ = ("closed", "id", "name", "parts")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.parts: list[str] = []
        self.closed = False

    def is_complete(self) -> bool:
        """Whether the arguments are a whole JSON object, which nothing can follow."""
        try:
            return isinstance(msgspec.json.decode("".join(self.parts)), dict)
        except (msgspec.DecodeError, RecursionError):
            return False


class ToolCalls:
    """All calls of an answer by their key."""

    __slots__ = ("_by_key", "_early", "_ids", "_kept", "_open", "_waiting")

    def __init__(self) -> None:
        self._by_key: dict[int, ToolCall] = {}
        self._waiting: deque[ToolCall] = deque()
        self._open: ToolCall | None = None
        self._ids: set[str] = set()
        self._early = 0
        self._kept = 0

    def start(self, event: ToolCallStarted) -> bool:
        """Let a call wait for its turn; False when this key has started before. Raises EventTooLong."""
        if len(self._by_key) > CALLS_LIMIT:
            raise EventTooLong(f"more than {CALLS_LIMIT} tool calls")
        call = self._by_key.setdefault(event.key, ToolCall())
        if call.id:
            return False
        call.id = self._free_id(event.id)
        call.name = event.name
        self._waiting.append(call)
        return True

    def add(self, event: ToolArgumentsDelta) -> bool:
        """Keep a fragment; True when it belongs to the open call and goes out now.

        Fragments that come before their call's start are kept up to EARLY_LIMIT characters in all; those of a call
        whose block is closed have no place left in the stream. Raises EventTooLong past KEPT_LIMIT of all together.
        """
        call = self._by_key.get(event.key)
        if call is None or not call.id:
            self._early += len(event.json)
            if self._early > EARLY_LIMIT:
                return False
            if call is None:
                call = self._by_key[event.key] = ToolCall()
        if not call.closed:
            call.parts.append(event.json)
            self._kept += len(event.json)
            if self._kept > KEPT_LIMIT:
                raise EventTooLong(f"tool arguments of more than {KEPT_LIMIT} characters")
        return call is self._open

    def open_next(self) -> ToolCall | None:
        """Take the first call that waits, or None."""
        if not self._waiting:
            return None
        self._open = self._waiting.popleft()
        return self._open

    def may_advance(self) -> bool:
        """Whether the open call is known to be done and another one waits."""
        return bool(self._waiting) and self._open is not None and self._open.is_complete()

    def close_open(self) -> bool:
        """The open call's block ends; True when it had no arguments at all."""
        call = self._open
        self._open = None
        if call is None:
            return False
        without = not call.parts
        self._kept -= sum(map(len, call.parts))
        call.closed = True
        call.parts = []
        return without

    def _free_id(self, wanted: str) -> str:
        """`wanted` as Claude's clients accept it, and unlike any id before it."""
        base = free = _NOT_IN_IDS.sub("_", wanted) or "toolu"
        number = 1
        while free in self._ids:
            number += 1
            free = f"{base}_{number}"
        self._ids.add(free)
        return free
