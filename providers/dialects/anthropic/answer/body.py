"""Which of the two forms an answer has: a stream of events or one document. Its first byte lies less often than its
content type does."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.anthropic.answer.decoder import StreamDecoder
from providers.dialects.anthropic.answer.json_body import JsonDecoder
from providers.dialects.contract import Call, Decoder
from providers.events import Event

_FIELDS = (b"d", b"e", b"i", b"r", b":")  # data, event or error, id, retry, a comment; no JSON begins so
_SPACE = b" \t\r\n\xef\xbb\xbf"


class BodyDecoder:
    """Decodes one answer; after the first bytes `feed` and `close` are those of the form's own decoder."""

    __slots__ = ("_call", "_is_json", "close", "feed")

    def __init__(self, content_type: str, call: Call) -> None:
        self._is_json = "json" in content_type.lower()
        self._call: Call | None = call
        self.feed: Callable[[bytes], list[Event]] = self._feed_first
        self.close: Callable[[], list[Event]] = self._close_empty

    def _feed_first(self, data: bytes) -> list[Event]:
        begin = data.lstrip(_SPACE)
        if not begin:
            return []
        is_json = not begin.startswith(_FIELDS) if self._is_json else begin.startswith(b"{")
        return self._chosen(is_json).feed(data)

    def _close_empty(self) -> list[Event]:
        return self._chosen(self._is_json).close()

    def _chosen(self, is_json: bool) -> Decoder:
        # Nothing may hold the call while its answer streams: it holds the client's request.
        call, self._call = self._call, None
        assert call is not None
        decoder = JsonDecoder(call) if is_json else StreamDecoder(call)
        self.feed, self.close = decoder.feed, decoder.close
        return decoder
