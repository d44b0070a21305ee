"""A Claude upstream's events whose text is cut inside a character, or is no text: as events that can be sent."""

from __future__ import annotations

from typing import Any

from providers.framing.text import is_clean, mended, read_json, split_unfinished, written

_FIELDS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
_ENDS = frozenset({"message_delta", "message_stop"})


class Halves:
    """The first halves of characters whose other half has not come yet, by the block's index and the kind of delta."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: dict[tuple[int, str], str] = {}

    def mend(self, data: bytes) -> list[bytes]:
        """The documents that replace an event's. Raises ValueError or RecursionError for what is no JSON."""
        event = read_json(data)
        if not isinstance(event, dict):
            return [data]
        index, delta = event.get("index"), event.get("delta")
        if event.get("type") == "content_block_delta" and isinstance(index, int) and isinstance(delta, dict):
            kind = str(delta.get("type"))
            field = _FIELDS.get(kind)
            if field is not None and isinstance(delta.get(field), str):
                return self._delta(event, index, kind, field)
        kind = str(event.get("type"))
        over = [key for key in self.held if kind in _ENDS or (kind == "content_block_stop" and key[0] == index)]
        return [*map(self._given_up, over), written(event)]

    def _delta(self, event: dict[str, Any], index: int, kind: str, field: str) -> list[bytes]:
        delta = event["delta"]
        earlier = self.held.pop((index, kind), "")
        before = [self._given_up(key) for key in list(self.held) if key[0] == index]
        if not earlier and is_clean(delta[field]):
            return [*before, written(event)]
        complete, unfinished = split_unfinished(earlier + delta[field])
        if unfinished:
            self.held[index, kind] = unfinished
        event["delta"] = {**delta, field: mended(complete)}
        return [*before, written(event)]

    def _given_up(self, key: tuple[int, str]) -> bytes:
        index, kind = key
        delta = {"type": kind, _FIELDS[kind]: mended(self.held.pop(key))}
        return written({"type": "content_block_delta", "index": index, "delta": delta})
