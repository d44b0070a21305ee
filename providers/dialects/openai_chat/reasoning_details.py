"""OpenRouter's reasoning_details: gathered from a stream, carried in a signature of our own, sent back as they came.

https://openrouter.ai/docs/use-cases/reasoning-tokens. Text that stands in the thinking block already is not carried
twice: its length is, and the client's echo of the block gives it back.
"""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import Block
from providers.claude.signatures import pack, unpack

KIND = "openrouter"
_HELD_AT_MOST = 2 * 1024 * 1024
"""Characters of thinking and details for one signature; what thinks longer goes back without."""
_TEXT_FIELDS = {"reasoning.text": "text", "reasoning.summary": "summary"}


class Details:
    """The details since the last signature, and the thinking that was sent to the client meanwhile."""

    __slots__ = ("_items", "_size", "_thinking")

    def __init__(self) -> None:
        self._items: list[tuple[dict[str, Any], list[str]]] = []
        self._thinking: list[str] = []
        self._size = 0

    def add_thinking(self, thinking: str) -> None:
        """This much thinking was sent to the client."""
        self._thinking.append(thinking)
        self._hold(len(thinking))

    def add(self, details: list[Any]) -> None:
        """More details; fragments of one text become one."""
        for detail in details:
            if isinstance(detail, dict):
                _add(self._items, detail)
                self._hold(sum(len(value) for value in detail.values() if isinstance(value, str)))

    def _hold(self, size: int) -> None:
        self._size += size
        if self._size > _HELD_AT_MOST:
            self._items.clear()
            self._thinking.clear()

    def signature(self, origin: str) -> str | None:
        """The signature that carries them, and begin anew; None when there are none."""
        items = [_joined(*item) for item in self._items]
        thinking = "".join(self._thinking)
        self._items.clear()
        self._thinking.clear()
        self._size = 0
        if not items:
            return None
        fields = [_text_field(item) for item in items]
        texts = [item.get(field, "") if field else "" for item, field in zip(items, fields, strict=True)]
        if "".join(texts) == thinking:
            for item, field, text in zip(items, fields, texts, strict=True):
                if field and field in item:
                    item[field] = len(text)
        return pack(KIND, origin, items)


def details_of(block: Block, origin: str) -> list[dict[str, Any]] | None:
    """The details that a thinking block carries back to its origin; None when it carries none."""
    carried = unpack(KIND, origin, block.get("signature"))
    thinking = block.get("thinking")
    if not isinstance(carried, list) or not isinstance(thinking, str):
        return None
    details = []
    at = 0
    for item in carried:
        if not isinstance(item, dict):
            return None
        field = _text_field(item)
        length = item.get(field) if field else None
        if field and isinstance(length, int):
            item[field] = thinking[at : at + length]
            if len(item[field]) != length:
                return None  # the client changed its thinking
            at += length
        details.append(item)
    return details


def joined(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The details of one message, a text that was cut by a signature put together again."""
    items: list[tuple[dict[str, Any], list[str]]] = []
    for detail in details:
        _add(items, detail)
    return [_joined(*item) for item in items]


def _add(items: list[tuple[dict[str, Any], list[str]]], detail: dict[str, Any]) -> None:
    field = _text_field(detail)
    text = detail.get(field) if field else None
    rest = {key: value for key, value in detail.items() if key != field} if field else dict(detail)
    if field and items:
        last, texts = items[-1]
        if last.get("type") == detail["type"] and all(
            last.get(key) is None or rest.get(key) is None or last[key] == rest[key] for key in ("index", "id")
        ):
            last.update({key: value for key, value in rest.items() if value is not None or key not in last})
            # Some signed fragments say the whole text once more.
            if isinstance(text, str) and not (rest.get("signature") and text == "".join(texts)):
                texts.append(text)
            return
    items.append((rest, [text] if isinstance(text, str) else []))


def _joined(detail: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    field = _text_field(detail)
    if field is None or not texts:
        return detail
    # The type first and the text next to it, as servers write it.
    rest = {key: value for key, value in detail.items() if key != "type"}
    return {"type": detail["type"], field: "".join(texts), **rest}


def _text_field(detail: dict[str, Any]) -> str | None:
    kind = detail.get("type")
    return _TEXT_FIELDS.get(kind) if isinstance(kind, str) else None
