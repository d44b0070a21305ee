"""What upstreams say, as bytes, made by hand and by no code of the gateway's: in any dialect, and in two in detail."""

from __future__ import annotations

import json

from tests.harness.script import Reply
from tests.harness.speakers import SPEAKERS
from tests.harness.speakers.anthropic import (
    claude_answer,
    claude_block,
    claude_end,
    claude_event,
    claude_start,
    claude_text,
    claude_thinking,
    claude_tool,
)
from tests.harness.speakers.openai_chat import (
    chat_answer,
    chat_chunk,
    chat_end,
    chat_reply,
    chat_text,
    chat_thinking,
    chat_tool,
)
from tests.harness.speakers.parts import Part, Text, Thinking, call, text

__all__ = [
    "Thinking",
    "answer",
    "call",
    "chat_answer",
    "chat_chunk",
    "chat_end",
    "chat_reply",
    "chat_text",
    "chat_thinking",
    "chat_tool",
    "claude_answer",
    "claude_block",
    "claude_end",
    "claude_event",
    "claude_start",
    "claude_text",
    "claude_thinking",
    "claude_tool",
    "closing",
    "counts",
    "error_in_stream",
    "more",
    "opening",
    "overflow",
    "overflow_words",
    "refusal",
    "reply",
    "results",
    "text",
    "tool_names",
]


def reply(dialect: str, *parts: Part, finish: str = "") -> Reply:
    """A whole answer of these parts; `finish` is "length" or the end that fits them."""
    speaker = SPEAKERS[dialect]
    return Reply(speaker.whole(parts, finish), headers={"content-type": speaker.content_type})


def answer(dialect: str, words: str = "Hello there") -> Reply:
    """A whole short answer in a dialect."""
    return reply(dialect, Text((words,)))


def counts(dialect: str) -> tuple[int, int | None, int]:
    """The fresh and cached input tokens and the output tokens of every whole answer."""
    return SPEAKERS[dialect].counts


def opening(dialect: str, words: str) -> bytes:
    """The beginning of an answer: a start and an open text with `words` in it."""
    return SPEAKERS[dialect].opening(words)


def more(dialect: str, words: str) -> bytes:
    """More text of the answer that `opening` began."""
    return SPEAKERS[dialect].more(words)


def closing(dialect: str) -> bytes:
    """The end of the answer that `opening` began."""
    return SPEAKERS[dialect].closing()


def refusal(dialect: str, status: int, message: str, *, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An HTTP error in a dialect's own shape."""
    body = SPEAKERS[dialect].refusal(status, message, code)
    return Reply(
        [json.dumps(body).encode()], status=status, headers={"content-type": "application/json", **(headers or {})}
    )


def error_in_stream(dialect: str, message: str) -> bytes:
    """An error inside a stream that answered 200."""
    return SPEAKERS[dialect].failure(message)


def results(dialect: str, body: object) -> list[str]:
    """The tool results that an upstream of a dialect received, as text."""
    return SPEAKERS[dialect].results(body)


def overflow(dialect: str) -> Reply:
    """The refusal of a prompt that is too long."""
    words, code = SPEAKERS[dialect].overflow()
    return refusal(dialect, 400, words, code=code)


def overflow_words(dialect: str) -> str:
    """What that refusal says."""
    return SPEAKERS[dialect].overflow()[0]


def tool_names(dialect: str, body: object) -> list[str]:
    """The tools that a request offers to an upstream of a dialect."""
    return SPEAKERS[dialect].tool_names(body)
