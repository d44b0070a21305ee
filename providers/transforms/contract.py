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

    Events held back are released with MessageFinished, which is always the last event. When an answer fails
    (StreamFailed) they are dropped, so that another candidate can still take over. Native events pass unchanged.
    """

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events that replace `events`; may be none."""
        ...


StreamEditFactory = Callable[[Call], StreamEdit]
"""Creates the edit of one answer; the call holds the request and collects notes."""


class Transform(msgspec.Struct, frozen=True):
    """A registered transform: the type of its options, and what it edits. A request edit never changes its argument.

    With `translated_only` it is skipped where the provider's blocks pass verbatim: its stream edit could not read them.
    """

    options: type[msgspec.Struct]
    summary: str
    request: Callable[[Request, Any], Request] | None = None
    stream: Callable[[Call, Any], StreamEdit] | None = None
    translated_only: bool = False


class Chain(msgspec.Struct, frozen=True):
    """A compiled chain: its request edits in order, and the factories of its stream edits in reverse.

    The last to change the request sees the answer first, like layers around the provider.
    """

    requests: tuple[Callable[[Request], Request], ...] = ()
    streams: tuple[StreamEditFactory, ...] = ()

    def edited(self, request: Request) -> Request:
        """Returns the request after all edits; the same object if none changed it."""
        for edit in self.requests:
            request = edit(request)
        return request
