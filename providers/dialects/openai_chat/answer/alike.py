"""Chunks that differ in their text alone, as most of a stream do: what stands around the text is compared, not read.

It is learned from a chunk that was read whole. The same bytes around another JSON string are the same chunk with
another text, by JSON's grammar; any other chunk is read as it is.
"""

from __future__ import annotations

import re

import msgspec

from providers.dialects.openai_chat.answer.shapes import Chunk, Delta
from providers.dialects.openai_chat.answer.tokens import usage_of

_CONTENT = re.compile(rb'"content"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_chunk = msgspec.json.Decoder(Chunk).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.encode


class Alike:
    """One stream's: what stands before and after the text, in a document and in a read that brings one alone.

    `knows_reads`: such reads can be compared.
    """

    __slots__ = ("_after", "_before", "_others", "_read_after", "_read_before", "knows_reads")

    def __init__(self) -> None:
        self._before = self._after = self._read_before = self._read_after = b""
        self._others = 0
        self.knows_reads = False

    def text_of_read(self, data: bytes) -> str | None:
        """The text of a read that is one whole event, whose document is like the one that was learned; else None. No
        event may have begun before it."""
        # Hot: each part of a stream that arrives alone. What is not cut off comes back as the same object.
        event = data.removesuffix(self._read_after)
        if event is data:
            return None
        text = event.removeprefix(self._read_before)
        # Where a JSON string is alone, no line ends.
        if text is event or text.strip() is not text:
            return None
        try:
            return _text(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def text(self, document: bytes) -> str | None:
        """The text of a chunk like the one that was learned, maybe ""; None for any other chunk."""
        before, after = self._before, self._after
        if not before or not document.startswith(before) or not document.endswith(after):
            return None
        try:
            return _text(document[len(before) : len(document) - len(after)])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def learn(self, document: bytes, chunk: Chunk) -> None:
        """Learn from a chunk that was not like the last one.

        Where no two chunks are alike, because each has a time or random padding of its own, only the first, second,
        fourth, eighth one and so on is looked at: that costs next to nothing.
        """
        self._others += 1
        if self._others & (self._others - 1):
            return
        delta = _text_alone(chunk)
        found = None if delta is None else _CONTENT.search(document)
        if delta is None or found is None:
            return
        before, after = document[: found.start(1)], document[found.end(1) :]
        # "content" may be the name of something else: with another text here it must be the chunk with that text.
        delta.content = "one" if delta.content != "one" else "other"
        if _read(before + _encode(delta.content) + after) == chunk:
            self._before, self._after = before, after
            self._read_before, self._read_after = b"data: " + before, after + b"\n\n"
            self.knows_reads = not any(end in part for part in (before, after) for end in b"\r\n")


def _text_alone(chunk: Chunk) -> Delta | None:
    """The delta of a chunk that brings a text and nothing else."""
    if not chunk.choices or len(chunk.choices) > 1 or chunk.citations or usage_of(chunk) is not None:
        return None
    delta = chunk.choices[0].delta
    if delta is None or not isinstance(delta.content, str):
        return None
    thinks = delta.reasoning_content or delta.reasoning or delta.reasoning_details
    calls = delta.tool_calls or delta.function_call
    return None if thinks or calls or delta.refusal or delta.images or delta.audio else delta


def _read(document: bytes) -> Chunk | None:
    try:
        return _chunk(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
