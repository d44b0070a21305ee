"""What the client was told, for routes whose answers may be gone on with: a sink that remembers an answer's text."""

from __future__ import annotations

from typing import Any

import msgspec

from streaming.encoding.sink import Sink

_WITHOUT_WORDS = frozenset({"thinking", "redacted_thinking"})


class Told:
    """A sink that passes everything on to `sink`; `open_text()` is what another attempt could go on with."""

    __slots__ = ("_is_text", "_only_text", "_sink", "_texts")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._texts: list[list[str | bytes]] = []
        self._is_text = False
        self._only_text = True

    @property
    def said(self) -> int:
        """About how many characters of content were written."""
        return self._sink.said

    def open_text(self) -> list[str] | None:
        """The answer's blocks of text, the last of them still open; None where the answer is anything else by now.

        Thinking that is over is left out: it belongs to the model that thought it.
        """
        if not (self._is_text and self._only_text):
            return None
        texts = [text for parts in self._texts if (text := "".join(map(_text, parts))).strip()]
        return texts if texts and "".join(map(_text, self._texts[-1])).strip() else None

    def take(self) -> bytes:
        return self._sink.take()

    def start(self, message: dict[str, Any]) -> None:
        self._sink.start(message)

    def open(self, index: int, block: dict[str, Any]) -> None:
        self._opened(block)
        self._sink.open(index, block)

    def text(self, text: str) -> None:
        if self._is_text:
            self._texts[-1].append(text)
        self._sink.text(text)

    def thinking(self, text: str) -> None:
        self._sink.thinking(text)

    def signature(self, signature: str) -> None:
        self._sink.signature(signature)

    def arguments(self, json: str) -> None:
        self._sink.arguments(json)

    def close(self) -> None:
        self._is_text = False
        self._sink.close()

    def native_open(self, index: int, theirs: int, raw: bytes) -> None:
        self._opened(msgspec.json.decode(raw)["content_block"])
        self._sink.native_open(index, theirs, raw)

    def native_delta(self, theirs: int, raw: bytes) -> None:
        if self._is_text:
            # Read when it is needed, which is hardly ever.
            self._texts[-1].append(raw)
        self._sink.native_delta(theirs, raw)

    def native_close(self, theirs: int, raw: bytes) -> None:
        self._is_text = False
        self._sink.native_close(theirs, raw)

    def native_event(self, kind: str, raw: bytes) -> None:
        self._only_text = False
        self._sink.native_event(kind, raw)

    def ping(self) -> None:
        self._sink.ping()

    def end(self, event: dict[str, Any]) -> None:
        self._sink.end(event)

    def error(self, event: dict[str, Any]) -> None:
        self._sink.error(event)

    def _opened(self, block: dict[str, Any]) -> None:
        kind = block.get("type")
        self._is_text = kind == "text"
        if self._is_text:
            self._texts.append([block.get("text") or ""])
        elif kind not in _WITHOUT_WORDS:
            self._only_text = False


def _text(part: str | bytes) -> str:
    """The text of a part: a string is it, bytes are a Claude upstream's whole delta event."""
    if isinstance(part, str):
        return part
    delta = msgspec.json.decode(part)["delta"]
    return str(delta.get("text") or "")
