"""Makes a hesitant model use tools: it must call one, and can end through a tool whose argument is its answer."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import text_block
from providers.claude.tools import offered_tools
from providers.dialects.contract import Call
from providers.events import Event, MessageFinished, TextDelta, ToolArgumentsDelta, ToolCallStarted
from providers.transforms.json_text import StringValue

Request = dict[str, Any]

NAME = "ExitTool"
_FIELD = "response"
_TOOL = {
    "name": NAME,
    "description": "Ends the work with tools. Call it when the task is done, or when none of the other tools can bring "
    "it further. What you pass is shown to the user as your answer.",
    "input_schema": {
        "type": "object",
        "properties": {_FIELD: {"type": "string", "description": "Your answer to the user, in full."}},
        "required": [_FIELD],
    },
}
_REMINDER = (
    "<system-reminder>You work with tools: every reply is a tool call. Take the tool that fits the task best and go on "
    f"until the task is done. Only when it is done, or when no tool fits, call `{NAME}` with your answer."
    "</system-reminder>"
)


def tooluse(request: Request, options: msgspec.Struct) -> Request:
    """Requires a tool call and offers ExitTool beside the client's tools, unless the client set a tool choice."""
    choice = request.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else "auto"
    names = {tool.name for tool in offered_tools(request)}
    if kind != "auto" or not names or NAME in names:
        return request
    system = request.get("system")
    blocks = system if isinstance(system, list) else [text_block(system)] if isinstance(system, str) and system else []
    return {
        **request,
        "tools": [*request["tools"], _TOOL],
        "tool_choice": {**(choice if isinstance(choice, dict) else {}), "type": "any"},
        "system": [*blocks, text_block(_REMINDER)],
    }


class ExitEdit:
    """The stream edit of one answer: a call of ExitTool becomes text."""

    __slots__ = ("_has_text", "_offered", "_others", "_values")

    def __init__(self, call: Call) -> None:
        tools = call.body.get("tools")
        self._offered = isinstance(tools, list) and _TOOL in tools
        self._values: dict[int, StringValue] = {}
        self._others = False
        self._has_text = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events with the text of ExitTool in place of its calls."""
        if not self._offered:
            return events
        given: list[Event] = []
        for event in events:
            if isinstance(event, ToolCallStarted):
                if event.name == NAME:
                    self._values[event.key] = StringValue(_FIELD)
                    self._add_text("\n\n" if self._has_text else "", given)
                    continue
                self._others = True
            elif isinstance(event, ToolArgumentsDelta) and event.key in self._values:
                self._add_text(self._values[event.key].feed(event.json), given)
                continue
            elif isinstance(event, MessageFinished) and self._values:
                event = self._finish(event, given)
            given.append(event)
        return given

    def _add_text(self, text: str, given: list[Event]) -> None:
        if text:
            self._has_text = True
            given.append(TextDelta(text))

    def _finish(self, event: MessageFinished, given: list[Event]) -> MessageFinished:
        for value in self._values.values():
            self._add_text(value.close(), given)
        if event.stop_reason == "tool_use" and not self._others:
            return msgspec.structs.replace(event, stop_reason="end_turn")
        return event
