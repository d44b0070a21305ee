"""Joins the characters that a provider cut in two between pieces of an answer; what has no other half is U+FFFD."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.errors import UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    Ping,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    TokensReported,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.framing.text import cleaned, is_clean, mended, split_unfinished

_Key = tuple[type, int]
_PASSED = frozenset({Ping, TokensReported})


class TextMender:
    """One answer's. `is_active`: a document held such text. Later events may hold what dialects stored of it."""

    __slots__ = ("_held", "is_active")

    def __init__(self) -> None:
        self._held: dict[_Key, str] = {}
        self.is_active = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events with text that can be written."""
        given: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta | ThinkingDelta):
                self._release(given, but=(type(event), 0))
                self._text((type(event), 0), event.text, given)
            elif isinstance(event, ToolArgumentsDelta):
                self._text((ToolArgumentsDelta, event.key), event.json, given)
            elif type(event) in _PASSED:
                given.append(event)
            else:
                if isinstance(event, MessageFinished):
                    self._release(given, calls=True)
                elif not isinstance(event, MessageStarted | StreamFailed):
                    self._release(given)
                given.append(_clean(event))
        return given

    def _text(self, key: _Key, text: str, given: list[Event]) -> None:
        complete, unfinished = split_unfinished(self._held.pop(key, "") + text)
        if unfinished:
            self._held[key] = unfinished
        _add(key, mended(complete), given)

    def _release(self, given: list[Event], *, but: _Key | None = None, calls: bool = False) -> None:
        """What was held goes out as it is: nothing of its kind follows. Of calls more may, until the end."""
        for key in list(self._held):
            if key != but and (calls or key[0] is not ToolArgumentsDelta):
                _add(key, mended(self._held.pop(key)), given)


def _add(key: _Key, text: str, given: list[Event]) -> None:
    kind, number = key
    if not text:
        return
    if kind is ToolArgumentsDelta:
        given.append(ToolArgumentsDelta(number, text))
    else:
        given.append(TextDelta(text) if kind is TextDelta else ThinkingDelta(text))


def _clean(event: Event) -> Event:
    """An event that is no piece of a text, with strings that can be written."""
    if isinstance(event, StreamFailed):
        error = event.error
        if not is_clean(error.message):
            message = mended(error.message)
            code = None if error.code is None else mended(error.code)
            error = UpstreamError(error.kind, message, code=code, status=error.status, retry_after=error.retry_after)
        return StreamFailed(error)
    if isinstance(event, MessageStarted | MessageFinished | ToolCallStarted | ThinkingSignature):
        fields: dict[str, Any] = {
            name: clean
            for name in event.__struct_fields__
            if isinstance(value := getattr(event, name), str | dict) and (clean := cleaned(value)) != value
        }
        return msgspec.structs.replace(event, **fields) if fields else event
    return event
