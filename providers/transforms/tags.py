"""Turns thinking that a model writes between tags in its text into thinking events, however the text is chunked.

By default only at the start of the answer: later such a tag is more likely something that the answer mentions.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from providers.events import EVENTS_WITHIN_TEXT, Event, StreamFailed, TextDelta, ThinkingDelta
from providers.transforms.stops import held_back

SPACE_AT_MOST = 1024
"""Characters of white space before the opening tag."""


class ExtraThinkTag(msgspec.Struct, forbid_unknown_fields=True):
    """`tag`: its name. `anywhere`: also in the middle of the answer. `opened`: the answer begins inside the tag.

    The last is for models whose chat template writes the opening tag itself.
    """

    tag: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")] = "think"
    anywhere: bool = False
    opened: bool = False


class TagEdit:
    """The stream edit of one answer.

    State: `begin` (the tag may come), `opened` (just inside), `inside`, `closed` (just after), `text`.
    """

    __slots__ = ("_anywhere", "_close", "_held", "_open", "_opened", "_state")

    def __init__(self, tag: str, *, anywhere: bool = False, opened: bool = False) -> None:
        self._open, self._close = f"<{tag}>", f"</{tag}>"
        self._anywhere = anywhere
        self._opened = opened
        self._held = ""
        self._state: Literal["begin", "opened", "inside", "closed", "text"] = "begin"

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events with thinking separated from text; a possible beginning of a tag is held back."""
        if self._state == "text" and not self._anywhere:
            return events
        given: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta):
                text, self._held = self._held + event.text, ""
                while text:
                    text = self._step(text, given)
                continue
            if type(event) not in EVENTS_WITHIN_TEXT:
                self._settle(given, failed=isinstance(event, StreamFailed))
            given.append(event)
        return given

    def _step(self, text: str, given: list[Event]) -> str:
        """Handles the text in the current state; returns the rest for the next state."""
        match self._state:
            case "begin":
                return self._begin(text)
            case "opened" | "closed":
                # White space around tags is dropped: clients would show blank lines.
                text = text.lstrip()
                if text:
                    self._state = "inside" if self._state == "opened" else "text"
                return text
            case "inside":
                return self._up_to(self._close, text, given)
        if self._anywhere:
            return self._up_to(self._open, text, given)
        given.append(TextDelta(text))
        return ""

    def _begin(self, text: str) -> str:
        rest = text.lstrip()
        if len(text) - len(rest) <= SPACE_AT_MOST:
            if rest.startswith(self._open):
                self._state = "opened"
                return rest[len(self._open) :]
            if self._open.startswith(rest):
                self._held = text
                return ""
        self._state = "opened" if self._opened else "text"
        return text

    def _up_to(self, tag: str, text: str, given: list[Event]) -> str:
        kind = ThinkingDelta if self._state == "inside" else TextDelta
        at = text.find(tag)
        if at < 0:
            held = held_back(text, (tag,))
            at = len(text) - held
            self._held = text[at:]
        else:
            self._state = "closed" if self._state == "inside" else "opened"
        if at:
            given.append(kind(text[:at]))
        return "" if self._held else text[at + len(tag) :]

    def _settle(self, given: list[Event], *, failed: bool) -> None:
        """Releases held text before another event; a failed answer drops it: another candidate may take over."""
        held, self._held = self._held, ""
        if not held.strip() or failed:
            return
        if self._state == "begin":
            self._state = "inside" if self._opened else "text"
        given.append((ThinkingDelta if self._state == "inside" else TextDelta)(held))
