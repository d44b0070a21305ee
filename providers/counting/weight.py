"""Estimates a request's size: the bytes that are not media, and the tokens of media.

For routing, on every request: nothing is decoded and no text is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.claude.history.item import read_once
from providers.counting.media import PAGE_TOKENS, guessed_pages

_IMAGE_TOKENS = 1568
"""The maximum for most models; the exact number is not worth the time here."""
_SMALL = 8 * 1024
"""A smaller body holds no media that would matter."""


class Weight(msgspec.Struct, frozen=True, gc=False):
    """Bytes of the body without base64, and tokens of the media."""

    text_bytes: int
    media_tokens: int = 0


def weigh(request: Mapping[str, Any], size: int) -> Weight:
    """Returns the weight of a Claude request with a body of `size` bytes."""
    messages = request.get("messages")
    if size < _SMALL or not isinstance(messages, list):
        return Weight(size)
    media_bytes = media_tokens = 0
    for message in messages:
        if (media := _media_of(message)) is not None:
            media_bytes += media[0]
            media_tokens += media[1]
    return Weight(max(1, size - media_bytes), media_tokens)


@read_once
def _media_of(message: Any) -> tuple[int, int] | None:
    """Returns the characters of base64 and the tokens of a message's media; None where it has none."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return None
    found: list[tuple[int, int]] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "image" or kind == "document":
            found.append(_media(block))
        elif kind == "tool_result" and isinstance(block.get("content"), list):
            found += [_media(part) for part in block["content"] if isinstance(part, dict)]
    return (sum(data for data, _ in found), sum(tokens for _, tokens in found)) if found else None


def _media(block: dict[str, Any]) -> tuple[int, int]:
    """Returns the characters of base64 and the tokens of an image or a document; 0, 0 for anything else."""
    kind = block.get("type")
    if kind != "image" and kind != "document":
        return 0, 0
    source = block.get("source")
    data = source.get("data") if isinstance(source, dict) and source.get("type") == "base64" else None
    length = len(data) if isinstance(data, str) else 0
    if kind == "image":
        return length, _IMAGE_TOKENS
    return length, PAGE_TOKENS * guessed_pages(length) if length else 0
