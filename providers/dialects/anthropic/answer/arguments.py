"""The arguments of a Claude upstream's tool call: verbatim as long as they are one JSON object."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.events import Event, NativeBlockDelta, NativeBlockStarted, NativeBlockStopped, Ping
from providers.framing.arguments import ArgumentText
from providers.framing.sse import EventTooLong

ARGUMENTS_AT_MOST = 16 << 20
"""Characters of one call's arguments."""
_encode = msgspec.json.Encoder().encode


class OpenCall:
    """The call that is open. `block` is its start, `stop` an end that came before its arguments were an object."""

    __slots__ = ("_held", "block", "stop", "text")

    def __init__(self, block: dict[str, Any]) -> None:
        self.block = block
        self.text = ArgumentText()
        self.stop: bytes | None = None
        self._held: tuple[str, bytes] | None = None

    def delta(self, index: int, piece: str, data: bytes) -> list[Event]:
        """The events of an input_json_delta. Raises providers.framing.sse.EventTooLong."""
        now = self.text.feed(piece)
        if now == piece:
            if self.text.size > ARGUMENTS_AT_MOST:
                raise EventTooLong(f"tool arguments of more than {ARGUMENTS_AT_MOST} characters")
            return [NativeBlockDelta(index, data)]
        if now:
            return [_delta(index, now)]
        self._held = (piece, data)
        return [Ping()]

    def finish(self, index: int, *, cut: bool) -> tuple[list[Event], list[str]]:
        """The events that complete the arguments, and those of further calls that came under this one.

        Raises providers.framing.arguments.NoObject.
        """
        last, others = self.text.finish(cut=cut)
        if not last:
            return [], others
        if self._held is not None and self._held[0] == last:
            return [NativeBlockDelta(index, self._held[1])], others
        return [_delta(index, last)], others

    def copy(self, index: int, call_id: str, arguments: str) -> list[Event]:
        """The events of another call of the same tool."""
        block = {**self.block, "id": call_id}
        start = {"type": "content_block_start", "index": index, "content_block": block}
        stop = {"type": "content_block_stop", "index": index}
        return [
            NativeBlockStarted(index, "tool_use", _encode(start)),
            _delta(index, arguments),
            NativeBlockStopped(index, _encode(stop)),
        ]


def _delta(index: int, arguments: str) -> NativeBlockDelta:
    delta = {"type": "input_json_delta", "partial_json": arguments}
    return NativeBlockDelta(index, _encode({"type": "content_block_delta", "index": index, "delta": delta}))
