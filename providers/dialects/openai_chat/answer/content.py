"""Text and thinking out of lists: Mistral's content and OpenRouter's reasoning_details."""

from __future__ import annotations

from typing import Any


def written_of(parts: list[Any]) -> str:
    """The text of a content list."""
    return "".join(_text(part) for part in parts if isinstance(part, str) or _kind(part) in ("text", "output_text"))


def thinking_of(parts: list[Any]) -> str:
    """The thinking in a content list or in reasoning_details; encrypted parts have no text."""
    pieces: list[str] = []
    for part in parts:
        kind = _kind(part)
        if kind == "thinking":
            inner = part.get("thinking")
            pieces += [inner] if isinstance(inner, str) else [_text(item) for item in inner or () if item]
        elif kind == "reasoning.text":
            pieces.append(_text(part))
        elif kind == "reasoning.summary":
            summary = part.get("summary")
            pieces.append(summary if isinstance(summary, str) else "")
    return "".join(pieces)


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""
