"""The transcript of an answer that may have to be continued: a sink that also stores the text. Sans-IO."""

from __future__ import annotations

from typing import Any

import msgspec

from streaming.encoding import Sink

_THINKING = frozenset({"thinking", "redacted_thinking"})


class Transcript:
    """Passes everything on to `sink`; `open_text()` is what another attempt could continue."""

    __slots__ = ("_is_text", "_only_text", "_sink", "_texts")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._texts: list[list[str | bytes]] = []
        self._is_text = False
        self._only_text = True

    @property
    def chars(self) -> int:
        """About how many characters of content were written."""
        return self._sink.chars

    def open_text(self) -> list[str] | None:
        """Returns the answer's text blocks, the last of them open; None where the answer holds anything else by now.

        Finished thinking is left out: it belongs to the model that produced it.
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
            # Decoded only when it is needed, which is rare.
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
        elif kind not in _THINKING:
            self._only_text = False


def _text(part: str | bytes) -> str:
    """Returns the text of a part: itself if a string, else from the JSON of a Claude upstream's delta event."""
    if isinstance(part, str):
        return part
    delta = msgspec.json.decode(part)["delta"]
    return str(delta.get("text") or "")
