"""The order in which an answer is told: thinking, text and calls, and between them what must come back.

Claude's stream has one open block, so nothing is said into the arguments of a call: a new block would end it. What a
server says there waits for the call's end. Signatures stand before what follows the thinking, or at the end.
"""

from __future__ import annotations

from typing import Literal

from providers.claude.names import renamed_tools
from providers.claude.signatures import origin_of
from providers.dialects.contract import Call
from providers.dialects.openai_chat.answers.calls import Calls
from providers.dialects.openai_chat.answers.chunks import ToolCall
from providers.dialects.openai_chat.details import Details
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.replay import signature_of
from providers.events import Event, TextDelta, ThinkingDelta, ThinkingSignature

_HELD_AT_MOST = 1024 * 1024
"""Characters that may wait for the end of a call; more than that ends it."""


class Speech:
    """What one answer says. Every method adds its events to `events`."""

    __slots__ = ("_calls", "_details", "_held", "_held_size", "_last", "_origin", "_unsigned")

    def __init__(self, call: Call) -> None:
        profile = profile_of(call.provider)
        self._calls = Calls(renamed_tools(call.body, profile.tool_name_limit), call.notes)
        self._details = Details() if profile.replays_details else None
        self._origin = origin_of(call.provider, call.model)
        self._last: Literal["nothing", "thinking", "text", "calls"] = "nothing"
        self._unsigned = False
        self._held: list[TextDelta | ThinkingDelta] = []
        self._held_size = 0

    def has_calls(self) -> bool:
        """Whether the client was told of a call."""
        return self._calls.any_started()

    def detail(self, details: list[object]) -> None:
        """Reasoning details; they go out with a signature."""
        if self._details is not None:
            self._details.add(details)

    def say(self, piece: TextDelta | ThinkingDelta, events: list[Event]) -> None:
        """Thinking or text."""
        if self._last == "calls" and not self._calls.seem_whole() and self._held_size <= _HELD_AT_MOST:
            self._held.append(piece)
            self._held_size += len(piece.text)
            return
        self._release(events)
        self._tell(piece, events)

    def call(self, fragment: ToolCall, events: list[Event]) -> None:
        """A fragment of a tool call. Raises NamelessCall."""
        if self._last != "calls":
            self._sign(events)
            self._last = "calls"
        self._calls.feed(fragment, events)

    def end(self, events: list[Event]) -> None:
        """All was said. Raises NamelessCall."""
        self._calls.finish()
        self._release(events)
        self._sign(events)

    def _release(self, events: list[Event]) -> None:
        for piece in self._held:
            self._tell(piece, events)
        self._held.clear()
        self._held_size = 0

    def _tell(self, piece: TextDelta | ThinkingDelta, events: list[Event]) -> None:
        if isinstance(piece, ThinkingDelta):
            self._last = "thinking"
            self._unsigned = True
            if self._details is not None:
                self._details.say(piece.text)
        elif self._last != "text":
            if self._last != "calls":
                self._sign(events)
            self._last = "text"
        events.append(piece)

    def _sign(self, events: list[Event]) -> None:
        """What must come back with the thinking so far."""
        signature = None if self._details is None else self._details.signature(self._origin)
        if signature is None and self._unsigned:
            signature = signature_of(self._origin)
        self._unsigned = False
        if signature is not None:
            events.append(ThinkingSignature(signature))
