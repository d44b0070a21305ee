"""The tool calls of one answer in the order of their start: one is open, those that started after it wait.

Claude's stream has one open block. Other dialects let the fragments of parallel calls interleave, and put text between
them; here they are kept apart. Nothing is written here; the encoder asks what may go out now.
"""

from __future__ import annotations

import re
from collections import deque

from providers.events import TextDelta, ThinkingDelta, ThinkingSignature, ToolArgumentsDelta, ToolCallStarted
from providers.framing.arguments import ArgumentText, NoObject
from providers.framing.sse import EventTooLong

EARLY_LIMIT = 1 << 20
KEPT_LIMIT = 16 << 20
CALLS_LIMIT = 10_000
HELD_BACK_LIMIT = 1 << 20
"""Characters of text, thinking and signatures that wait for the end of a call; more of them end it."""
Held = TextDelta | ThinkingDelta | ThinkingSignature
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


class ToolCall:
    """One call; `id` and `name` are empty until it has started. `text` reads its arguments, `ready` may go out of them.

    `closed`: its block has ended, and `had_object`: with arguments that were complete by themselves.
    """

    __slots__ = ("closed", "complete", "had_object", "id", "name", "ready", "sent", "text")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.text = ArgumentText()
        self.ready: list[str] = []
        self.sent = False
        self.closed = False
        self.complete = False
        self.had_object = False

    def is_complete(self) -> bool:
        """Whether no more arguments can come: the decoder announced it, or they are a complete JSON object."""
        return self.complete or self.text.is_complete()


class ToolCalls:
    """All calls of an answer by their key."""

    __slots__ = (
        "_by_key", "_early", "_held_back", "_held_back_size", "_ids", "_kept", "_open", "_waiting", "any_repaired",
    )  # fmt: skip

    def __init__(self) -> None:
        self._by_key: dict[int, ToolCall] = {}
        self._waiting: deque[ToolCall] = deque()
        self._open: ToolCall | None = None
        self._ids: set[str] = set()
        self._early = 0
        self._kept = 0
        self._held_back: list[Held] = []
        self._held_back_size = 0
        self.any_repaired = False

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

    def add(self, event: ToolArgumentsDelta) -> str:
        """Keep a fragment; what of it goes out now, if it belongs to the open call.

        Fragments that come before their call's start are kept up to EARLY_LIMIT characters in all; those of a call
        whose block is closed have no place left in the stream: NoObject, unless it had all that it needs. Raises
        EventTooLong past KEPT_LIMIT of all together.
        """
        call = self._by_key.get(event.key)
        if call is None or not call.id:
            self._early += len(event.json)
            if self._early > EARLY_LIMIT:
                return ""
            if call is None:
                call = self._by_key[event.key] = ToolCall()
        if call.closed:
            if not call.had_object and event.json.strip() not in {"", "{}", "null"}:
                raise NoObject
            return ""
        self._kept += len(event.json)
        if self._kept > KEPT_LIMIT:
            raise EventTooLong(f"tool arguments of more than {KEPT_LIMIT} characters")
        now = call.text.feed(event.json)
        if call is self._open:
            call.sent = call.sent or bool(now)
            return now
        if now:
            call.ready.append(now)
        return ""

    def open_next(self) -> ToolCall | None:
        """Take the first call that waits, or None."""
        if not self._waiting:
            return None
        self._open = self._waiting.popleft()
        return self._open

    def may_advance(self) -> bool:
        """Whether the open call is known to be done and another one waits."""
        return bool(self._waiting) and self._open is not None and self._open.is_complete()

    def close_open(self, *, cut: bool) -> tuple[str | None, list[ToolCall]]:
        """The open call's block ends: what is still to be sent of it, None for nothing, and calls that came under it.

        Raises NoObject for arguments that are none, unless the answer was `cut` there.
        """
        call, self._open = self._open, None
        if call is None:
            return None, []
        last, others = call.text.finish(cut=cut)
        self._kept -= call.text.size
        self.any_repaired = self.any_repaired or call.text.is_repaired
        call.closed = True
        call.had_object = call.text.has_object()
        call.text = ArgumentText()
        return last if last or not call.sent else None, [self._copy(call, arguments) for arguments in others]

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

    def _copy(self, call: ToolCall, arguments: str) -> ToolCall:
        """Another call of the same tool."""
        other = ToolCall()
        other.id, other.name = self._free_id(call.id), call.name
        other.ready.append(arguments)
        return other

    def _free_id(self, wanted: str) -> str:
        """`wanted` as Claude's clients accept it, and unlike any id before it."""
        base = free = _NOT_IN_IDS.sub("_", wanted) or "toolu"
        number = 1
        while free in self._ids:
            number += 1
            free = f"{base}_{number}"
        self._ids.add(free)
        return free


NO_CALLS = ToolCalls()
"""Those of an answer without any: nothing is ever added to it."""


def own(calls: ToolCalls) -> ToolCalls:
    """Returns calls that may be added to: an answer's own, new ones in place of NO_CALLS."""
    return ToolCalls() if calls is NO_CALLS else calls
