"""One block of a Claude upstream on its way to the client, byte for byte but for its index.

Whether and when it may open or close is for streaming.encoding.blocks to say.
"""

from __future__ import annotations

import msgspec

from providers.events import NativeBlockDelta, NativeBlockStarted, NativeBlockStopped
from streaming.encoding import Sink

_WITH_INPUT = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class NativeBlock:
    """What the upstream announced, and the delta that came last.

    `index` is the block's index there, `pings` how many pings came before it could be opened.
    """

    __slots__ = ("_last", "_sink", "_start", "index", "pings")

    def __init__(self, sink: Sink, start: NativeBlockStarted) -> None:
        self._sink = sink
        self._start = start
        self._last = b""
        self.index = start.index
        self.pings = 0

    @property
    def is_text(self) -> bool:
        """Whether it is a block of text."""
        return self._start.kind == "text"

    @property
    def is_tool_use(self) -> bool:
        """Whether it asks the client to run a tool."""
        return self._start.kind == "tool_use"

    def has_text(self) -> bool:
        """Whether its start brings text already."""
        return bool(msgspec.json.decode(self._start.raw)["content_block"].get("text"))

    def open(self, index: int) -> None:
        """Its start, as the block `index` of the message."""
        self._sink.native_open(index, self.index, self._start.raw)
        for _ in range(self.pings):
            self._sink.ping()

    def delta(self, event: NativeBlockDelta) -> None:
        """One of its deltas."""
        self._last = event.raw
        self._sink.native_delta(self.index, event.raw)

    def stop(self, event: NativeBlockStopped) -> None:
        """Its own end."""
        self._sink.native_close(self.index, event.raw)

    def break_off(self) -> None:
        """An end that the upstream did not send, with what belongs before it."""
        if self._start.kind == "thinking" and not self._is_signed():
            self._sink.signature("")
        self._sink.close()

    def keepalive(self) -> None:
        """An empty delta of its kind, or a ping where none is known or none may follow any more."""
        kind = self._start.kind
        if kind == "text":
            self._sink.text("")
        elif kind == "thinking" and not self._is_signed():
            self._sink.thinking("")
        elif kind in _WITH_INPUT:
            self._sink.arguments("")
        else:
            self._sink.ping()

    def _is_signed(self) -> bool:
        return b'"signature_delta"' in self._last
