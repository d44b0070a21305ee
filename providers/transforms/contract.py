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

    What is held back is given with the MessageFinished, which is always the last event. Of an answer that fails
    (StreamFailed) it is dropped: the less was said, the sooner another candidate can take over. Native events pass
    through untouched.
    """

    def feed(self, events: list[Event]) -> list[Event]:
        """The events that take the place of `events`; may be none."""
        ...


StreamEditFactory = Callable[[Call], StreamEdit]
"""Makes the edit of one answer; the call tells what was asked, and takes notes."""


class Transform(msgspec.Struct, frozen=True):
    """A registered transform: the type of its options, and what it edits. A request edit never changes its argument.

    With `translated_only` it is left out where the provider's blocks pass verbatim: its stream edit could not see them.
    """

    options: type[msgspec.Struct]
    summary: str
    request: Callable[[Request, Any], Request] | None = None
    stream: Callable[[Call, Any], StreamEdit] | None = None
    translated_only: bool = False


class Chain(msgspec.Struct, frozen=True):
    """A compiled chain: its request edits in their order, and the makers of its stream edits in the opposite one.

    Who changed the request last sees the answer first, as layers around the provider do.
    """

    requests: tuple[Callable[[Request], Request], ...] = ()
    streams: tuple[StreamEditFactory, ...] = ()

    def edited(self, request: Request) -> Request:
        """The request after all edits; the same object if none changed it."""
        for edit in self.requests:
            request = edit(request)
        return request
