"""Writes an answer's events in the order in which they come, and between them the signatures that clients send back.

A signature stands before what follows the thinking: text, a new call, or the end.
"""

from __future__ import annotations

from typing import Literal

from providers.claude.signatures import origin_of
from providers.claude.tools import renamed_tools
from providers.dialects.contract import Call
from providers.dialects.openai_chat.answer.calls import Calls
from providers.dialects.openai_chat.answer.shapes import ToolCall
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.reasoning_details import Details
from providers.dialects.openai_chat.signatures import signature_of
from providers.events import Event, TextDelta, ThinkingDelta, ThinkingSignature, ToolCallStarted


class EventWriter:
    """The content of one answer. Every method adds its events to `events`."""

    __slots__ = ("_calls", "_details", "_last", "_origin", "_unsigned")

    def __init__(self, call: Call) -> None:
        profile = profile_of(call.provider)
        self._calls = Calls(renamed_tools(call, profile.tool_name_limit), call)
        self._details = Details() if profile.replays_details else None
        self._origin = origin_of(call.provider, call.model)
        self._last: Literal["nothing", "thinking", "text", "calls"] = "nothing"
        self._unsigned = False

    def has_calls(self) -> bool:
        """Whether a call has started."""
        return self._calls.any_started()

    def details(self, details: list[object]) -> None:
        """Collects reasoning details; they go out with a signature."""
        if self._details is not None:
            self._details.add(details)

    def thinking(self, text: str, events: list[Event]) -> None:
        """More thinking."""
        self._last = "thinking"
        self._unsigned = True
        if self._details is not None:
            self._details.add_thinking(text)
        events.append(ThinkingDelta(text))

    def text(self, text: str, events: list[Event]) -> None:
        """More text."""
        if self._last != "text":
            if self._last != "calls":
                self._sign(events)
            self._last = "text"
        events.append(TextDelta(text))

    def call(self, fragment: ToolCall, events: list[Event]) -> None:
        """A fragment of a tool call. Raises NamelessCall."""
        begin = len(events)
        self._calls.feed(fragment, events)
        if self._last != "calls" and len(events) > begin and isinstance(events[begin], ToolCallStarted):
            self._last = "calls"
            started = events[begin:]
            del events[begin:]
            self._sign(events)
            events += started

    def end(self, events: list[Event]) -> None:
        """Nothing follows. Raises NamelessCall."""
        self._calls.finish()
        self._sign(events)

    def _sign(self, events: list[Event]) -> None:
        """Add what must come back with the thinking so far."""
        signature = None if self._details is None else self._details.signature(self._origin)
        if signature is None and self._unsigned:
            signature = signature_of(self._origin)
        self._unsigned = False
        if signature is not None:
            events.append(ThinkingSignature(signature))
