"""The tool calls of one answer in the order of their start: one is open, those that started after it wait.

Claude's stream has one open block. Other dialects let the fragments of parallel calls interleave, and put text between
them; here they are kept apart. Nothing is written here; the encoder asks what may go out now.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque

import msgspec

from providers.events import TextDelta, ThinkingDelta, ThinkingSignature, ToolArgumentsDelta, ToolCallStarted
from providers.framing.sse import EventTooLong

EARLY_LIMIT = 1 << 20
KEPT_LIMIT = 16 << 20
CALLS_LIMIT = 10_000
HELD_BACK_LIMIT = 1 << 20
"""Characters of text, thinking and signatures that wait for the end of a call; more of them end it."""
Held = TextDelta | ThinkingDelta | ThinkingSignature
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


class ToolCall:
    """One call; `id` and `name` are empty until it has started, `parts` is the JSON text of its arguments so far."""

    __slots__ = ("_incomplete_parts", "closed", "complete", "id", "name", "parts")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.parts: list[str] = []
        self.closed = False
        self.complete = False
        self._incomplete_parts = 0

    def is_complete(self) -> bool:
        """Whether no more arguments can come: the decoder announced it, or they are a complete JSON object."""
        if not self.complete and len(self.parts) > self._incomplete_parts:
            self._incomplete_parts = len(self.parts)  # no need to parse these again
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                self.complete = isinstance(msgspec.json.decode("".join(self.parts)), dict)
        return self.complete


class ToolCalls:
    """All calls of an answer by their key."""

    __slots__ = ("_by_key", "_early", "_held_back", "_held_back_size", "_ids", "_kept", "_open", "_waiting")

    def __init__(self) -> None:
        self._by_key: dict[int, ToolCall] = {}
        self._waiting: deque[ToolCall] = deque()
        self._open: ToolCall | None = None
        self._ids: set[str] = set()
        self._early = 0
        self._kept = 0
        self._held_back: list[Held] = []
        self._held_back_size = 0

    def start(self, event: ToolCallStarted) -> bool:
        """Let a call wait for its turn; False when this key has started before. Raises EventTooLong."""
        if len(self._by_key) > CALLS_LIMIT:
            raise EventTooLong(f"more than {CALLS_LIMIT} tool calls")
        call = self._by_key.setdefault(event.key, ToolCall())
        if call.id:
            return False
        call.id = self._free_id(event.id)
        call.name = event.name
        call.complete = event.complete
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

    def hold_back(self, event: Held) -> bool:
        """Keep content that came inside the open call; False when it need not wait, or not any longer.

        It waits until all calls that started are complete, because a new block would end the open one, whose further
        arguments would be lost. Past HELD_BACK_LIMIT characters it waits for none.
        """
        self._held_back.append(event)
        self._held_back_size += len(event.signature if isinstance(event, ThinkingSignature) else event.text)
        if self._held_back_size > HELD_BACK_LIMIT:
            return False
        return not ((self._open is None or self._open.is_complete()) and all(map(ToolCall.is_complete, self._waiting)))

    @property
    def holds_content(self) -> bool:
        """Whether something is held back."""
        return bool(self._held_back)

    def release(self) -> list[Held]:
        """What was held back, in its order."""
        held, self._held_back = self._held_back, []
        self._held_back_size = 0
        return held

    def _free_id(self, wanted: str) -> str:
        """`wanted` as Claude's clients accept it, and unlike any id before it."""
        base = free = _NOT_IN_IDS.sub("_", wanted) or "toolu"
        number = 1
        while free in self._ids:
            number += 1
            free = f"{base}_{number}"
        self._ids.add(free)
        return free
