"""One block of a Claude upstream on its way to the client, byte for byte except for its index.

streaming.encoding.blocks decides when it opens and closes.
"""

from __future__ import annotations

import msgspec

from providers.events import NativeBlockDelta, NativeBlockStarted, NativeBlockStopped
from streaming.encoding import Sink

SERVER_TOOLS = frozenset({"server_tool_use", "mcp_tool_use"})
"""Blocks that call a tool which the provider runs."""
_WITH_INPUT = SERVER_TOOLS | {"tool_use"}


class NativeBlock:
    """The start that the upstream sent, and the latest delta.

    `kind` is its type, `index` its index there, `pings` how many pings arrived before the block could be opened.
    """

    __slots__ = ("_last", "_sink", "_start", "index", "kind", "pings")

    def __init__(self, sink: Sink, start: NativeBlockStarted) -> None:
        self._sink = sink
        self._start = start
        self._last = b""
        self.index = start.index
        self.kind = start.kind
        self.pings = 0

    @property
    def is_text(self) -> bool:
        return self.kind == "text"

    def has_text(self) -> bool:
        """Whether its start already contains text."""
        return bool(msgspec.json.decode(self._start.raw)["content_block"].get("text"))

    def open(self, index: int) -> None:
        """Writes its start, as block `index` of the message."""
        self._sink.native_open(index, self.index, self._start.raw)
        for _ in range(self.pings):
            self._sink.ping()

    def delta(self, event: NativeBlockDelta) -> None:
        """Writes one of its deltas."""
        self._last = event.raw
        self._sink.native_delta(self.index, event.raw)

    def stop(self, event: NativeBlockStopped) -> None:
        """Writes the end that the upstream sent."""
        self._sink.native_close(self.index, event.raw)

    def break_off(self) -> None:
        """Writes an end that the upstream did not send, and what must precede it."""
        if self.kind == "thinking" and not self._is_signed():
            self._sink.signature("")
        self._sink.close()

    def keepalive(self) -> None:
        """Writes an empty delta of its kind, or a ping where there is none or none may follow any more."""
        kind = self.kind
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
