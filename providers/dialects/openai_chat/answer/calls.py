"""Which fragment belongs to which tool call. A call starts once it has a name, its arguments follow.

Identity is the index, else the id, else the name: servers leave out any of them, repeat them, send "" for them, or use
index 0 for every call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.claude.call_ids import CallIds
from providers.claude.tools import called_name
from providers.dialects.contract import Call
from providers.dialects.openai_chat.answer.shapes import Function, ToolCall
from providers.dialects.openai_chat.tools import client_call_id
from providers.events import Event, ToolArgumentsDelta, ToolCallStarted
from providers.fidelity import Fidelity
from providers.framing.text import written

HELD_AT_MOST = 1024 * 1024
"""Characters of arguments that may wait for their call's name."""


class NamelessCall(ValueError):
    """A call whose name never came, or came too late."""


class _Call:
    """One call of the answer."""

    __slots__ = ("has_arguments", "held", "held_size", "key", "started", "upstream_id", "upstream_name")

    def __init__(self, key: int, upstream_id: str | None) -> None:
        self.key = key
        self.upstream_id = upstream_id
        self.upstream_name = ""
        self.started = False
        self.has_arguments = False
        self.held: list[str] = []
        self.held_size = 0


class Calls:
    """The tool calls of one answer. `renamed` maps upstream names to the client's."""

    __slots__ = ("_all", "_by_id", "_by_index", "_ids", "_notes", "_renamed")

    def __init__(self, renamed: Mapping[str, str], call: Call) -> None:
        self._renamed = renamed
        self._notes = call.notes
        self._all: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._ids = CallIds(call)

    def any_started(self) -> bool:
        """Whether a call has started."""
        return bool(self._all) and any(call.started for call in self._all)

    def feed(self, fragment: ToolCall, events: list[Event]) -> None:
        """Add the events of one fragment. Raises NamelessCall."""
        function = fragment.function
        name = called_name(function.name) if function is not None and function.name else ""
        arguments = _arguments(function)
        call = self._call_of(fragment.index, fragment.id or None, name, arguments)
        if call is None:
            return
        if name and not call.started:
            call.upstream_name = name
            call.started = True
            events.append(ToolCallStarted(call.key, self._free_id(call.upstream_id), self._renamed.get(name, name)))
            if call.held:
                events.append(ToolArgumentsDelta(call.key, "".join(call.held)))
                call.held.clear()
        if not arguments or (arguments == "null" and not call.has_arguments):
            return
        call.has_arguments = True
        if call.started:
            events.append(ToolArgumentsDelta(call.key, arguments))
            return
        call.held.append(arguments)
        call.held_size += len(arguments)
        if call.held_size > HELD_AT_MOST:
            raise NamelessCall("The provider sent a tool call without a name.")

    def finish(self) -> None:
        """Raises NamelessCall when the name of a call with arguments never came."""
        if self._all and any(call.held for call in self._all):
            raise NamelessCall("The provider sent a tool call without a name.")

    def _call_of(self, index: int | None, upstream_id: str | None, name: str, arguments: str) -> _Call | None:
        """The call that a fragment belongs to, a new one where it begins one; None for an empty fragment of none."""
        if index is not None:
            current = self._by_index.get(index)
        elif upstream_id is not None:
            current = self._by_id.get(upstream_id)
            if current is None and self._all and not self._all[-1].started and self._all[-1].upstream_id is None:
                current = self._all[-1]
        else:
            current = self._all[-1] if self._all else None
        if current is not None and not _begins_another(current, upstream_id, name, arguments):
            if current.upstream_id is None and upstream_id is not None:
                current.upstream_id = upstream_id
                self._by_id.setdefault(upstream_id, current)
            return current
        if index is None and upstream_id is None and not name and not arguments:
            return None
        call = _Call(len(self._all), upstream_id)
        self._all.append(call)
        if index is not None:
            self._by_index[index] = call
        if upstream_id is not None:
            self._by_id[upstream_id] = call
        return call

    def _free_id(self, upstream_id: str | None) -> str:
        """The id that the client gets and sends back: the upstream's, encoded or replaced where it must be."""
        client_id = self._ids.free(None if upstream_id is None else client_call_id(upstream_id))
        if upstream_id is not None and client_id != upstream_id:
            self._notes.add(Fidelity.CALL_ID_CHANGED)
        return client_id


def _begins_another(current: _Call, upstream_id: str | None, name: str, arguments: str) -> bool:
    """Whether a fragment at the place of `current` is a call of its own."""
    if not name:
        # Old vLLM makes up a new id for every fragment: an id alone begins nothing.
        return False
    if upstream_id is not None and current.upstream_id is not None:
        return upstream_id != current.upstream_id
    if not current.upstream_name:
        return False
    if name != current.upstream_name:
        return True
    # The same name again without an id: a second call, if the arguments begin anew.
    return current.has_arguments and arguments.startswith("{")


def _arguments(function: Function | None) -> str:
    """The fragment of JSON text; an object is encoded, an empty one is no text."""
    given: str | dict[str, Any] | None = None if function is None else function.arguments
    if isinstance(given, str):
        return given
    return written(given).decode() if given else ""
