"""What an answer holds, whatever the dialect: thinking, text, tool calls; and what a speaker of a dialect can say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Thinking:
    """Thinking, in one piece."""

    text: str


@dataclass(frozen=True)
class Text:
    """Answer text in pieces."""

    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """A tool call, its arguments as the JSON text that comes in pieces; none at all for a call without arguments."""

    name: str
    pieces: tuple[str, ...] = ()
    id: str = ""

    @property
    def input(self) -> Any:
        """The arguments as an object."""
        return json.loads("".join(self.pieces) or "{}")


Part = Thinking | Text | Call


def text(*pieces: str) -> Text:
    """Answer text in these pieces."""
    return Text(pieces)


def call(name: str, *pieces: str, id: str = "") -> Call:
    """A call whose arguments come in these pieces."""
    return Call(name, pieces, id)


class Speaker(Protocol):
    """An upstream of one dialect."""

    @property
    def content_type(self) -> str:
        """Of its answers."""
        ...

    @property
    def prefix(self) -> str:
        """What ends a provider's base URL."""
        ...

    @property
    def counts(self) -> tuple[int, int | None, int]:
        """The fresh and cached input tokens and the output tokens of every whole answer; None where it has no count."""
        ...

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """A whole answer; `finish` is "length" or the end that fits the parts."""
        ...

    def opening(self, text: str) -> bytes:
        """The beginning of an answer with an open text in it."""
        ...

    def more(self, text: str) -> bytes:
        """More of that text."""
        ...

    def closing(self) -> bytes:
        """The end of that answer."""
        ...

    def failure(self, message: str) -> bytes:
        """An error inside a stream that answered 200."""
        ...

    def refusal(self, status: int, message: str, code: str) -> Any:
        """The JSON of an error response."""
        ...

    def overflow(self) -> tuple[str, str]:
        """The message and code with which it refuses a prompt that is too long, with status 400."""
        ...

    def tool_names(self, body: Any) -> list[str]:
        """The tools that a request offers to this upstream."""
        ...

    def results(self, body: Any) -> list[str]:
        """The tool results in a request that this upstream received, as text, in their order."""
        ...


def sse(data: Any, event: str = "") -> bytes:
    """One server-sent event of JSON."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
