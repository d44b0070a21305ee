"""Images and PDF documents of a Claude request as URLs: a data URL or a web address.

Files that are stored at Anthropic are refused: no other provider can read them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block
from providers.errors import UnsupportedRequest
from usage.sentence import Sentence

_NAMES = {"image": "An image", "document": "A document"}


class Media(msgspec.Struct, frozen=True):
    """An image or a PDF. `url` is a data URL when `inline`, else an address on the web."""

    kind: str
    url: str
    inline: bool
    title: str | None = None


def may_be_media(block: Block) -> bool:
    """Whether a block is an image or a document, which may hold images."""
    return block.get("type") in _NAMES


def media_of(block: Block) -> Media | None:
    """The image or PDF of a block, or None for any other block.

    Raises UnsupportedRequest for a source that only Anthropic can read, or that cannot be read at all.
    """
    kind = block.get("type")
    if kind not in _NAMES:
        return None
    source = block.get("source")
    if not isinstance(source, dict):
        raise UnsupportedRequest(
            Sentence("{what} block has no source.", code="media_source_missing", what=_NAMES[kind])
        )
    match source.get("type"):
        case "base64":
            return Media(kind, _data_url(kind, source), inline=True, title=_title(block))
        case "url":
            url = source.get("url")
            if not isinstance(url, str):
                raise UnsupportedRequest(
                    Sentence("{what} block's source has no url.", code="media_url_missing", what=_NAMES[kind])
                )
            return Media(kind, url, inline=url.startswith("data:"), title=_title(block))
        case "text" | "content" if kind == "document":
            return None
        case "file":
            raise UnsupportedRequest(
                Sentence(
                    "{what} is given by a file id. Files are kept at Anthropic and this provider cannot read them; "
                    "send it as base64.",
                    code="media_file_id",
                    what=_NAMES[kind],
                )
            )
    raise UnsupportedRequest(
        Sentence("{what} block has a source of an unknown type.", code="media_source_unknown", what=_NAMES[kind])
    )


def nested_media(block: Block) -> list[Block]:
    """The image blocks inside a document whose content is given as blocks."""
    source = block.get("source")
    content = source.get("content") if isinstance(source, dict) and source.get("type") == "content" else None
    if block.get("type") != "document" or not isinstance(content, list):
        return []
    return [item for item in content if isinstance(item, dict) and item.get("type") == "image"]


def _data_url(kind: str, source: dict[str, Any]) -> str:
    data = source.get("data")
    if not isinstance(data, str):
        raise UnsupportedRequest(
            Sentence("{what} block's source has no data.", code="media_data_missing", what=_NAMES[kind])
        )
    media_type = source.get("media_type")
    if not isinstance(media_type, str):
        media_type = "image/png" if kind == "image" else "application/pdf"
    return f"data:{media_type};base64,{data}"


def _title(block: Block) -> str | None:
    title = block.get("title")
    return title if isinstance(title, str) and title else None
