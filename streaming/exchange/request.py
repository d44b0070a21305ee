"""What the client asked for, as the attempts need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.client_fields.rules import Asking
from streaming.exchange.load import Share


class Body(msgspec.Struct, gc=False, eq=False):
    """The parsed JSON of a request; `content` is None once nothing of it can be sent again."""

    content: dict[str, Any] | None
    _share: Share | None = None

    def release(self) -> None:
        """Frees the memory: an open stream would otherwise hold its request until the end."""
        self.content = None
        if self._share is not None:
            self._share.release()


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request after intake. `headers` hold no secret of the client, `input_estimate` is in tokens.

    `heavy`: whether it is translated beside the event loop. `asking` says whose it is, for what only some may ask.
    """

    id: str
    model: str
    body: Body
    headers: Mapping[str, str]
    streamed: bool = True
    session_id: str = ""
    input_estimate: int = 0
    heavy: bool = False
    asking: Asking = Asking()
