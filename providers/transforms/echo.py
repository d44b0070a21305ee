"""The beginning of an answer that came with the request, where the provider repeats it: Claude's goes on after it."""

from __future__ import annotations

from providers.events import Event, MessageStarted, StreamFailed, TextDelta, TokensReported

_BEFORE_TEXT = (MessageStarted, TokensReported)


class EchoCut:
    """The stream edit of one answer. Only what may be the beginning is held back."""

    __slots__ = ("_beginning", "_held", "_over")

    def __init__(self, beginning: str) -> None:
        self._beginning = beginning
        self._held = ""
        self._over = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events without the beginning."""
        if self._over:
            return events
        given: list[Event] = []
        for number, event in enumerate(events):
            if isinstance(event, _BEFORE_TEXT):
                given.append(event)
                continue
            if isinstance(event, TextDelta):
                self._held += event.text
                if self._held != self._beginning and self._beginning.startswith(self._held):
                    continue
                left = self._held.removeprefix(self._beginning)
                rest = events[number + 1 :]
            else:
                # A failed answer drops the held text, so that another candidate can still take over.
                left = "" if isinstance(event, StreamFailed) else self._held
                rest = events[number:]
            self._over = True
            return [*given, *([TextDelta(left)] if left else []), *rest]
        return given
