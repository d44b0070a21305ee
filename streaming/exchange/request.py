"""What the client asked for, as the attempts need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Body:
    """The parsed JSON of a request; `content` is None once nothing of it can be sent again."""

    __slots__ = ("content",)

    def __init__(self, content: dict[str, Any]) -> None:
        self.content: dict[str, Any] | None = content

    def release(self) -> None:
        """Frees the memory: an open stream would otherwise hold its request until the end."""
        self.content = None


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request after intake. `headers` hold no secret of the client, `input_estimate` is in tokens.

    `heavy`: whether it is translated beside the event loop.
    """

    id: str
    model: str
    body: Body
    headers: Mapping[str, str]
    streamed: bool = True
    session_id: str = ""
    input_estimate: int = 0
    heavy: bool = False
