"""Repairs tool call arguments that are not a JSON object; each call is held back until it is complete."""

from __future__ import annotations

import msgspec

from providers.dialects.contract import Call
from providers.events import (
    COMPLETE,
    CONTENT_EVENTS,
    Event,
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.fidelity import Fidelity
from providers.transforms.json_object import GUESSED_AT_MOST, is_object, repaired, written

HELD_AT_MOST = 1 << 20
"""Maximum of characters held back per answer; a longer one passes unrepaired."""
_GUESSES = 2 * GUESSED_AT_MOST
"""Maximum of characters per answer that json-repair gets."""


class RepairEdit:
    """The stream edit of one answer: calls start at once, their arguments follow when they are complete."""

    __slots__ = ("_done", "_guesses", "_held", "_is_new", "_notes", "_size", "_through")

    def __init__(self, call: Call) -> None:
        self._notes = call.notes
        self._held: dict[int, list[str]] = {}
        self._done: set[int] = set()
        self._size = 0
        self._guesses = _GUESSES
        self._is_new = False
        self._through = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events with every call's arguments in one piece, repaired where they are not an object."""
        if self._through:
            return events
        given: list[Event] = []
        for event in events:
            if self._through:
                given.append(event)
            elif isinstance(event, ToolArgumentsDelta):
                self._arguments(event, given)
            elif type(event) in CONTENT_EVENTS:
                self._content(event, given)
            else:
                if isinstance(event, MessageFinished):
                    self._release(given, repair=event.stop_reason in COMPLETE)
                elif isinstance(event, StreamFailed):
                    self._held.clear()
                given.append(event)
        return given

    def _arguments(self, event: ToolArgumentsDelta, given: list[Event]) -> None:
        parts = self._held.get(event.key)
        if parts is None:
            # Text after a complete object is dropped.
            if event.key not in self._done:
                given.append(event)
            return
        parts.append(event.json)
        self._is_new = True
        self._grow(len(event.json), given)

    def _content(self, event: Event, given: list[Event]) -> None:
        if self._is_new and all(is_object("".join(parts)) for parts in self._held.values()):
            self._release(given, repair=False)
        self._is_new = False
        if isinstance(event, ToolCallStarted):
            self._held.setdefault(event.key, [])
            if event.complete:  # not any more: its arguments wait here
                event = msgspec.structs.replace(event, complete=False)
        elif self._held:
            # It waits in the encoder for these calls to be complete, so it counts with what waits here.
            self._grow(len(event.text) if isinstance(event, TextDelta | ThinkingDelta) else 1, given)
        given.append(event)

    def _grow(self, size: int, given: list[Event]) -> None:
        self._size += size
        if self._size > HELD_AT_MOST:
            self._release(given, repair=False)
            self._through = True

    def _release(self, given: list[Event], *, repair: bool) -> None:
        for key in self._held:
            self._give(key, given, repair=repair)
        self._done.update(self._held)
        self._held.clear()
        self._size = 0

    def _give(self, key: int, given: list[Event], *, repair: bool) -> None:
        text = "".join(self._held[key])
        if not text.strip():
            return
        # Completing a truncated call could write half a file.
        if repair and not is_object(text):
            may_guess = len(text) <= self._guesses
            self._guesses -= len(text) if may_guess else 0
            text = written(repaired(text, guess=may_guess))
            self._notes.add(Fidelity.ARGUMENTS_REPAIRED)
        given.append(ToolArgumentsDelta(key, text))
