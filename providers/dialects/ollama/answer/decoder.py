"""An answer's lines into events. Calls come in one piece; only the ids that Ollama does not give them are made up.

An answer is complete with a line that is `done`: one that ends before has failed.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.claude.call_ids import CallIds
from providers.claude.fields import output_limit
from providers.claude.tools import called_name
from providers.dialects.contract import Call
from providers.dialects.ollama.answer.shapes import Line, Message, ToolCall, read_line
from providers.dialects.ollama.errors import stream_error
from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    TextDelta,
    ThinkingDelta,
    Tokens,
    TokensReported,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.fidelity import Fidelity
from providers.framing.arguments import object_text
from providers.framing.decoding import DocumentDecoder, LineReader
from providers.framing.shapes import Shapeless

# The model was loaded or thrown out of memory: the answer to a request without messages.
_NO_ANSWER = frozenset({"load", "unload"})
_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]{1,256}")


class OllamaDecoder(DocumentDecoder):
    """Decodes one answer."""

    __slots__ = ("_calls", "_has_content", "_ids", "_limit", "_notes", "_started")

    def __init__(self, call: Call) -> None:
        super().__init__(LineReader())
        self._calls = 0
        self._ids = CallIds(call)
        self._limit = output_limit(call)
        self._notes = call.notes
        self._started = False
        self._has_content = False

    def _read(self, text: bytes, events: list[Event], *, may_be_cut: bool = False) -> None:
        """One line. The last one of an answer that breaks off may be half of one: then it is not malformed."""
        try:
            line = read_line(text, self._mender)
        except Shapeless:
            if text.lstrip().startswith(b"<"):
                self._break("The provider sent a web page instead of an answer.", events)
            elif not may_be_cut:
                self._break("The provider sent something that is not a line of Ollama's chat API.", events)
            return
        if line.error:
            self._fail(stream_error(line.error), events)
            return
        if not self._started:
            self._started = True
            events.append(MessageStarted(model=line.model or None))
        if line.message is not None:
            self._message(line.message, events)
        if line.done and not self._is_over:
            self._finish(line, events)

    def _message(self, message: Message, events: list[Event]) -> None:
        """Thinking, text, calls: a line may have all three."""
        before = len(events)
        if message.thinking:
            events.append(ThinkingDelta(message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        for call in message.tool_calls or ():
            self._call(call, events)
            if self._is_over:
                return
        if len(events) > before:
            self._has_content = True

    def _call(self, call: ToolCall, events: list[Event]) -> None:
        name = call.function.name if call.function is not None else None
        if call.function is None or not name:
            self._break("The provider called a tool without its name.", events)
            return
        try:
            arguments = self._arguments(call.function.arguments)
        except ValueError:
            self._break("The provider sent a tool call whose arguments are no JSON object.", events)
            return
        events.append(ToolCallStarted(self._calls, self._free_id(call.id), called_name(name), complete=True))
        if arguments:
            events.append(ToolArgumentsDelta(self._calls, arguments))
        self._calls += 1

    def _arguments(self, given: msgspec.Raw) -> str:
        """The JSON text of the arguments, "" for none. Raises ValueError for what cannot be the text of an object."""
        text = bytes(given).decode()
        if text.startswith('"'):
            text = msgspec.json.decode(text, type=str).strip()
        if text in ("", "null", "{}"):
            return ""
        if text.startswith("{"):
            return text
        found = object_text(text)
        if found is None:
            raise ValueError("not an object")
        self._notes.add(Fidelity.ARGUMENTS_REPAIRED)
        return found

    def _free_id(self, given: str | None) -> str:
        """The given id where a client accepts it, else a new one."""
        return self._ids.free(given if given and _GOOD_ID.fullmatch(given) else None)

    def _finish(self, line: Line, events: list[Event]) -> None:
        if line.done_reason in _NO_ANSWER and not self._has_content:
            message = f"The provider did not answer: it only had the model {line.done_reason}ed."
            self._fail(UpstreamError(ErrorKind.TRUNCATED, message, code=line.done_reason), events)
            return
        # The count of the prompt does not show what of it was cached.
        tokens = Tokens(input=_count(line.prompt_eval_count), output=_count(line.eval_count))
        if tokens != Tokens():
            events.append(TokensReported(tokens))
        self._is_over = True
        if line.done_reason == "length" or (not line.done_reason and tokens.reach(self._limit)):
            events.append(MessageFinished("max_tokens"))
        else:
            events.append(MessageFinished("tool_use" if self._calls else "end_turn"))


def _count(count: Any) -> int | None:
    return count if type(count) is int and count >= 0 else None
