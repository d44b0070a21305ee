"""Stop sequences that the provider could not be sent: the answer's text is watched for them and ends before the first.

Only what may be the beginning of one is held back. The match that ends first counts, however the text is cut. Where a
tool call is incomplete at a match, its arguments still come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from providers.events import (
    EVENTS_WITHIN_TEXT,
    Event,
    MessageFinished,
    StreamFailed,
    TextDelta,
    TokensReported,
    ToolArgumentsDelta,
    ToolCallStarted,
)

_AFTER_A_MATCH = EVENTS_WITHIN_TEXT | {StreamFailed}


class StopMatcher:
    """The stream edit of one answer."""

    __slots__ = ("_held", "_in_call", "_matched", "_over", "_stops")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self._in_call = False
        self._matched: str | None = None
        self._over = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events up to the first stop sequence, then the end; nothing after it."""
        if self._over:
            return []
        given: list[Event] = []
        for number, event in enumerate(events):
            if self._matched is not None:
                self._after_match(event, self._matched, given)
                continue
            kind = type(event)
            if kind is TextDelta:
                assert isinstance(event, TextDelta)
                if self._text(event.text, given, events[number + 1 :]):
                    return given
            elif kind in EVENTS_WITHIN_TEXT:
                if isinstance(event, ToolArgumentsDelta):
                    self._in_call = not event.json.rstrip().endswith("}")
                given.append(event)
            else:
                # A failed answer drops the held text, so that another candidate can still take over.
                if self._held and kind is not StreamFailed:
                    given.append(TextDelta(self._held))
                self._held = ""
                if isinstance(event, ToolCallStarted):
                    self._in_call = not event.complete
                given.append(event)
        return given

    def _text(self, text: str, given: list[Event], rest: list[Event]) -> bool:
        """Give what is sure to be the answer's; whether it ended here. `rest` is what the provider sent by now."""
        text = self._held + text
        found = self._first(text)
        if found is None:
            held = held_back(text, self._stops)
            self._held = text[len(text) - held :]
            if held < len(text):
                given.append(TextDelta(text[: len(text) - held]))
            return False
        start, stop = found
        self._held = ""
        if start:
            given.append(TextDelta(text[:start]))
        if self._in_call:
            self._matched = stop
            return False
        self._over = True
        given += [event for event in rest if type(event) is TokensReported]
        ended = any(type(event) is MessageFinished for event in rest)
        given.append(MessageFinished("stop_sequence", stop, cut_short=not ended))
        return True

    def _after_match(self, event: Event, stop: str, given: list[Event]) -> None:
        if isinstance(event, MessageFinished):
            given.append(MessageFinished("stop_sequence", stop))
        elif type(event) in _AFTER_A_MATCH:
            given.append(event)

    def _first(self, text: str) -> tuple[int, str] | None:
        best: tuple[int, int, str] | None = None
        for stop in self._stops:
            start = text.find(stop)
            if start >= 0 and (best is None or (start + len(stop), start) < best[:2]):
                best = (start + len(stop), start, stop)
        return None if best is None else best[1:]


def held_back(text: str, words: Iterable[str]) -> int:
    """Returns how many characters at the end of `text` are the beginning of one of `words`, but not all of it."""
    size = len(text)
    most = 0
    for word in words:
        at = text.find(word[0], max(size - len(word) + 1, 0))
        while at >= 0:
            if word.startswith(text[at:]):
                most = max(most, size - at)
                break
            at = text.find(word[0], at + 1)
    return most
