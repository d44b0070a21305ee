"""Function calls: each starts once its name is known; its arguments come in deltas, in one piece, or both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.claude.call_ids import CallIds
from providers.claude.tools import called_name
from providers.dialects.openai_responses.answer.items import CALL, OutputItem
from providers.dialects.openai_responses.answer.shapes import Item, StreamEvent
from providers.dialects.openai_responses.answer.writer import EventWriter
from providers.events import Event, ToolArgumentsDelta, ToolCallStarted
from providers.framing.text import written

HELD_AT_MOST = 1024 * 1024
"""Characters of arguments that may wait for the names of their calls."""
_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]{1,256}")


class NamelessCall(ValueError):
    """A call whose name never came, or came too late."""


class Calls:
    """The calls of one answer. `renamed` maps upstream names to the client's; `any_started`: one has started."""

    __slots__ = ("_held", "_ids", "_renamed", "_writer", "any_started")

    def __init__(self, writer: EventWriter, renamed: Mapping[str, str], ids: CallIds) -> None:
        self._writer = writer
        self._renamed = renamed
        self._ids = ids
        self._held = 0
        self.any_started = False

    def added(self, call: OutputItem, item: Item, events: list[Event]) -> None:
        """A call is announced. Arguments that come with it are stored: deltas usually repeat them."""
        call.early = _json(item.arguments)
        if item.call_id:
            self._start(call, item, events)

    def delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.function_call_arguments.delta; raises NamelessCall"""
        if event.delta:
            self._add(self._writer.item_of(event, CALL, events), event.delta, events)

    def done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.function_call_arguments.done; raises NamelessCall"""
        arguments = _json(event.arguments)
        if arguments:
            self._add_missing(self._writer.item_of(event, CALL, events), arguments, events)

    def complete(self, call: OutputItem, item: Item, events: list[Event]) -> None:
        """A complete call; raises NamelessCall"""
        self._start(call, item, events, complete=True)
        self._add_missing(call, _json(item.arguments), events)

    def finish(self, events: list[Event]) -> None:
        """No call gets more; raises NamelessCall when the name of one never came."""
        for call in self._writer.items.all:
            if call.kind == CALL and not call.sent and call.started:
                self._add_missing(call, call.early, events)
            if call.held:
                raise NamelessCall("The provider sent a tool call without a name.")

    def _start(self, call: OutputItem, item: Item, events: list[Event], *, complete: bool = False) -> None:
        if call.started or not item.name:
            return
        call.started = self.any_started = True
        self._writer.sign(events)
        self._writer.interrupt()
        called = called_name(item.name)
        name = self._renamed.get(called, called)
        events.append(ToolCallStarted(call.key, self._free_id(item.call_id), name, complete))
        if call.held:
            events.append(ToolArgumentsDelta(call.key, "".join(call.held)))
            call.held.clear()

    def _add_missing(self, call: OutputItem, arguments: str, events: list[Event]) -> None:
        """Adds what is still missing of the complete arguments."""
        if len(arguments) > call.sent:
            self._add(call, arguments[call.sent :], events)

    def _add(self, call: OutputItem, arguments: str, events: list[Event]) -> None:
        call.sent += len(arguments)
        if call.started:
            events.append(ToolArgumentsDelta(call.key, arguments))
            return
        call.held.append(arguments)
        self._held += len(arguments)
        if self._held > HELD_AT_MOST:
            raise NamelessCall("The provider sent a tool call without a name.")

    def _free_id(self, wanted: str | None) -> str:
        """The provider's id where a client accepts it, else a new one. Clients send it back unchanged."""
        return self._ids.free(wanted if wanted and _GOOD_ID.fullmatch(wanted) else None)


def _json(arguments: str | dict[str, Any] | None) -> str:
    """The JSON text of arguments; some servers send an object."""
    if isinstance(arguments, str):
        return arguments
    return written(arguments).decode() if arguments else ""
