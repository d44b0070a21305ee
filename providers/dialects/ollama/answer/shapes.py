"""The JSON of an answer's lines. Nothing is required: lines of one answer have different fields."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.framing.mending import TextMender
from providers.framing.shapes import Shapeless, lenient


class Function(msgspec.Struct, gc=False):
    """What is called. The arguments stay JSON text: an object here, a string of JSON from some imitators."""

    name: str | None = None
    arguments: msgspec.Raw = msgspec.Raw(b"null")


class ToolCall(msgspec.Struct, gc=False):
    """A complete call. Only versions since 2025-11 give it an id."""

    id: str | None = None
    function: Function | None = None


class Message(msgspec.Struct, gc=False):
    """What a line adds."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class Line(msgspec.Struct, gc=False):
    """One line. `prompt_eval_count` is absent when the prompt was cached; a wrong count spoils no answer."""

    model: str | None = None
    message: Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(Line).decode


def read_line(line: bytes, mender: TextMender) -> Line:
    """Decodes one line, strictly but for its text. Raises providers.framing.shapes.Shapeless."""
    try:
        return _decode(line)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Shapeless("not a line of an answer") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = lenient(line, Line, mender)
    if read is None:
        raise Shapeless("not a line of an answer")
    return read
