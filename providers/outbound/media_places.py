"""Where a Claude request gives images and documents by their web address, and a request that gives them inline.

Nothing is changed: the new request shares with the old one what is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Path = tuple[str | int, ...]


class Place(msgspec.Struct, frozen=True):
    """One image or document that is given by its address; `path` leads to its source."""

    path: Path
    kind: str
    url: str

    def __str__(self) -> str:
        return ".".join(str(step) for step in self.path[:-1])


def places(body: dict[str, Any]) -> list[Place]:
    """Every address, in messages, in tool results and in documents that are made of blocks; no data URLs."""
    found: list[Place] = []
    messages = body.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        # Most messages have no media at all, and this is asked for every request.
        if isinstance(content, list) and _may_have_media(content):
            found += _in_blocks(content, ("messages", number, "content"))
    return found


def inlined(body: dict[str, Any], sources: Mapping[Path, dict[str, Any]]) -> dict[str, Any]:
    """The request with other sources at some paths."""
    for path, source in sources.items():
        body = _replaced(body, path, source)
    return body


def _may_have_media(blocks: list[Any]) -> bool:
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "image" or kind == "document":
            return True
        if kind == "tool_result":
            content = block.get("content")
            if isinstance(content, list) and _may_have_media(content):
                return True
    return False


def _in_blocks(blocks: list[Any], path: Path) -> Iterator[Place]:
    for number, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "tool_result" and isinstance(block.get("content"), list):
            yield from _in_blocks(block["content"], (*path, number, "content"))
        elif kind in ("image", "document") and isinstance(block.get("source"), dict):
            source = block["source"]
            url = source.get("url")
            if source.get("type") == "url" and isinstance(url, str) and not url.startswith("data:"):
                yield Place((*path, number, "source"), kind, url)
            elif source.get("type") == "content" and isinstance(source.get("content"), list):
                yield from _in_blocks(source["content"], (*path, number, "source", "content"))


def _replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copied
