"""A row of the table by which the blocks of an answer are opened, filled and closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streaming.encoding.blocks import Blocks

Handler = Callable[["Blocks", Any], None]
Step = Callable[["Blocks"], None]


class State:
    """What an event does, how the open block is closed, and what keeps the stream alive."""

    __slots__ = ("keepalive", "leave", "on")

    def __init__(self, on: dict[type, Handler], leave: Step, keepalive: Step) -> None:
        self.on = on
        self.leave = leave
        self.keepalive = keepalive
