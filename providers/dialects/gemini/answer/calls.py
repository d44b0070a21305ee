"""The tool calls of one answer: complete, or in pieces that are put together first.

Pieces name the place of each value by JSON path and come in no order that would let their JSON be streamed.
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.claude import signatures
from providers.claude.call_ids import CallIds
from providers.dialects.gemini.answer.arguments import Arguments, BrokenArguments
from providers.dialects.gemini.answer.shapes import FunctionCall
from providers.events import Event, ThinkingSignature, ToolArgumentsDelta, ToolCallStarted
from providers.framing.text import written

_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]{1,256}")


class _Open:
    """A call whose arguments are still coming."""

    __slots__ = ("arguments", "id", "name", "signature")

    def __init__(self, call_id: str | None, name: str) -> None:
        self.id = call_id
        self.name = name
        self.signature: str | None = None
        self.arguments = Arguments()


class Calls:
    """The calls so far. `renamed` maps upstream names to the client's; `origin` marks the signatures.

    `text_signature` is one that came with text: it goes out with the next call, and is lost at the end of an answer
    without one, where Gemini only recommends it and a thinking block as a message's last would puzzle clients.
    """

    __slots__ = ("_ids", "_open", "_origin", "_renamed", "text_signature")

    def __init__(self, renamed: Mapping[str, str], origin: str, ids: CallIds) -> None:
        self._renamed = renamed
        self._origin = origin
        self._ids = ids
        self._open: _Open | None = None
        self.text_signature: str | None = None

    def any_started(self) -> bool:
        """Whether a call was sent."""
        return bool(self._ids)

    def feed(self, call: FunctionCall, signature: str | None, events: list[Event]) -> None:
        """Add the events of one functionCall part. Raises BrokenArguments."""
        if call.name:
            self.settle(events)  # an open call without an announced end
            self._open = _Open(call.id, call.name)
        elif self._open is None:
            if call.args or call.partial_args:
                raise BrokenArguments("The provider sent a tool call without a name.")
            return
        current = self._open
        if signature:
            current.signature = signature
        if call.args:
            current.arguments.update(call.args)
        goes_on = call.will_continue is True
        for piece in call.partial_args or ():
            current.arguments.add(piece)
            goes_on = goes_on or piece.will_continue is True
        if not goes_on:
            self.settle(events)

    def settle(self, events: list[Event]) -> None:
        """Sends the open call, if there is one."""
        current = self._open
        if current is None:
            return
        self._open = None
        carried = {"text": self.text_signature, "call": current.signature}
        self.text_signature = None
        self._sign({kind: signature for kind, signature in carried.items() if signature}, events)
        key = len(self._ids)
        call_id = self._free_id(current.id)
        events.append(ToolCallStarted(key, call_id, self._renamed.get(current.name, current.name), complete=True))
        arguments = current.arguments.finished()
        if arguments:
            events.append(ToolArgumentsDelta(key, written(arguments).decode()))

    def drop_open(self) -> None:
        """Forget a call that was cut off: half of its arguments must not be run."""
        self._open = None

    def sign_thought(self, signature: str, events: list[Event]) -> None:
        """The signature of the thinking just sent."""
        self._sign({"thought": signature}, events)

    def _sign(self, carried: dict[str, Any], events: list[Event]) -> None:
        if carried:
            events.append(ThinkingSignature(signatures.pack("gemini", self._origin, carried)))

    def _free_id(self, upstream_id: str | None) -> str:
        """The upstream's id where a client accepts it, else a new one. Clients send it back unchanged."""
        return self._ids.free(upstream_id if upstream_id and _GOOD_ID.fullmatch(upstream_id) else None)
