"""Content blocks as the parts of a chat message: text, images, files, each with its cache mark where marks are kept."""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import Block, text_of
from providers.claude.media import Media, media_of, nested_media
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.errors import UnsupportedRequest

Part = dict[str, Any]


class Parts:
    """What blocks become for one server and model."""

    __slots__ = ("_documents", "keeps_marks")

    def __init__(self, profile: Profile, model: str) -> None:
        self.keeps_marks = profile.keeps_marks(model)
        self._documents = profile.documents

    def content(self, parts: list[Part]) -> str | list[Part]:
        """Text alone as one string, which every server reads; parts beside media, or where marks sit on them."""
        if self.keeps_marks or any(part["type"] != "text" for part in parts):
            return parts
        return "\n\n".join(part["text"] for part in parts)

    def texts(self, blocks: list[Block]) -> list[Part]:
        """The texts alone."""
        return [part for block in blocks if (part := self._text(block)) is not None]

    def of(self, block: Block) -> list[Part]:
        """All that a block shows. Raises UnsupportedRequest for media that the server cannot be given."""
        text = self._text(block)
        media = self.media(block)
        return media if text is None else [text, *media]

    def media(self, block: Block) -> list[Part]:
        """The images and files alone. Raises UnsupportedRequest."""
        nested = [part for inner in nested_media(block) for part in self.media(inner)]
        media = media_of(block)
        if media is None:
            return nested
        part = {"type": "image_url", "image_url": {"url": media.url}} if media.kind == "image" else self._file(media)
        return [self.marked(part, block.get("cache_control"))]

    def marked(self, part: Part, mark: Any) -> Part:
        """The part, with a cache mark where it is kept; without the fields that only Anthropic knows."""
        if self.keeps_marks and isinstance(mark, dict) and mark.get("type") == "ephemeral":
            part["cache_control"] = {key: mark[key] for key in ("type", "ttl") if key in mark}
        return part

    def _text(self, block: Block) -> Part | None:
        text = text_of(block)
        return None if text is None else self.marked({"type": "text", "text": text}, block.get("cache_control"))

    def _file(self, media: Media) -> Part:
        accepted = self._documents
        if accepted == "refused" or (accepted == "inline" and not media.inline):
            how = "PDF documents" if accepted == "refused" else "documents by their address"
            raise UnsupportedRequest(f"This provider cannot read {how}. Send the text of the document instead.")
        # https://platform.openai.com/docs/guides/pdf-files
        return {"type": "file", "file": {"filename": media.title or "document.pdf", "file_data": media.url}}
