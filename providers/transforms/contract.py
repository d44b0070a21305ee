"""What a transform is: an edit of the Claude request, an edit of the event stream, or both, with typed options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from providers.dialects.contract import Call
from providers.events import Event

Request = dict[str, Any]


class StreamEdit(Protocol):
    """One answer's edit: events in, events out.

    What is held back must be given up with the MessageFinished or the StreamFailed, which is always the last event.
    """

    def feed(self, events: list[Event]) -> list[Event]:
        """The events that take the place of `events`; may be none."""
        ...


StreamEditFactory = Callable[[Call], StreamEdit]
"""Makes the edit of one answer; the call tells what was asked, and takes notes."""


class Transform(msgspec.Struct, frozen=True):
    """A registered transform: the type of its options, and what it edits. A request edit never changes its argument."""

    options: type[msgspec.Struct]
    summary: str
    request: Callable[[Request, Any], Request] | None = None
    stream: Callable[[Call, Any], StreamEdit] | None = None


class Chain(msgspec.Struct, frozen=True):
    """A compiled chain: its request edits and the makers of its stream edits, each in their order."""

    requests: tuple[Callable[[Request], Request], ...] = ()
    streams: tuple[StreamEditFactory, ...] = ()

    def edited(self, request: Request) -> Request:
        """The request after all edits; the same object if none changed it."""
        for edit in self.requests:
            request = edit(request)
        return request
