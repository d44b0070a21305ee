"""Tokens of images and PDF documents, without decoding them.

An image's tokens follow from its pixels, read from the first bytes of a PNG, JPEG, GIF or WebP; unreadable files
count as the most expensive image. A PDF's tokens follow from its pages, counted by their marks in the file; where those
are compressed, its length decides.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

from providers.counting.families import Family

_PATCH = 28
"""An image costs one token per square of this many pixels a side (Claude's rule, 2026-11)."""
_HEAD = 256 * 1024
"""Characters of base64 to read: a camera's preview can precede a JPEG's size."""
# Start of frame; C4, C8 and CC are tables and extensions: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_tokens(source: Any, family: Family) -> int:
    """Returns the tokens of an image block's source."""
    data = source.get("data") if isinstance(source, dict) else None
    size = pixels(data) if isinstance(data, str) else None
    if size is None:
        return family.image_tokens
    width, height = size
    longest = max(width, height)
    if longest > family.image_edge:
        width = max(1, width * family.image_edge // longest)
        height = max(1, height * family.image_edge // longest)
    return min(family.image_tokens, -(-width // _PATCH) * -(-height // _PATCH))


def pixels(data: str) -> tuple[int, int] | None:
    """Returns width and height of an image in base64, or None for anything else."""
    try:
        head = binascii.a2b_base64(data[:_HEAD])
    except (binascii.Error, ValueError):
        return None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _numbers(head, (16, 4), (20, 4), order="big")
    elif head.startswith((b"GIF87a", b"GIF89a")):
        size = _numbers(head, (6, 2), (8, 2), order="little")
    elif head.startswith(b"\xff\xd8"):
        size = _jpeg(head)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        size = _webp(head)
    else:
        return None
    return size if size is not None and min(size) > 0 else None


def _numbers(head: bytes, first: tuple[int, int], second: tuple[int, int], *, order: Any) -> tuple[int, int] | None:
    """Returns two numbers, each given by offset and length."""
    if len(head) < max(sum(first), sum(second)):
        return None
    return (
        int.from_bytes(head[first[0] : sum(first)], order),
        int.from_bytes(head[second[0] : sum(second)], order),
    )


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _JPEG_FRAMES:
            size = _numbers(head, (at + 7, 2), (at + 5, 2), order="big")
            return size
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    """https://developers.google.com/speed/webp/docs/riff_container"""
    kind = head[12:16]
    if kind == b"VP8 ":
        size = _numbers(head, (26, 2), (28, 2), order="little")
        return None if size is None else (size[0] & 0x3FFF, size[1] & 0x3FFF)
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        size = _numbers(head, (24, 3), (27, 3), order="little")
        return None if size is None else (size[0] + 1, size[1] + 1)
    return None


PAGE_TOKENS = 2200
"""A page is read as text and as an image (2026-11): https://platform.claude.com/docs/en/build-with-claude/pdf-support"""
_PAGE_BYTES = 50_000
"""Estimated bytes per page where no mark is found."""
_MOST_PAGES = 600
"""The most that any provider takes."""
_STEP = 256 * 1024
_OVERLAP = 32
_PAGE = re.compile(rb"/Type\s{0,4}/Page(?![a-zA-Z])")
_COUNT = re.compile(rb"/Count\s{1,4}(\d{1,5})(?!\d)")


def pdf_tokens(data: str) -> int:
    """Returns the tokens of a PDF in base64."""
    return PAGE_TOKENS * pages(data)


def pages(data: str) -> int:
    """Returns the pages of a PDF in base64, or an estimate; at least one."""
    found = counted = 0
    rest = b""
    for start in range(0, len(data), _STEP):
        try:
            # In steps: decoding blocks other threads, and a document can have 32 MB.
            piece = rest + binascii.a2b_base64(data[start : start + _STEP])
        except (binascii.Error, ValueError):
            return guessed_pages(len(data))
        edge = len(piece) - _OVERLAP if start + _STEP < len(data) else len(piece)
        found += sum(1 for mark in _PAGE.finditer(piece) if mark.start() < edge)
        counted = max([counted, *(int(mark[1]) for mark in _COUNT.finditer(piece))])
        rest = piece[max(0, edge) :]
    # Outlines have a /Count too, but where they outnumber the pages the page marks are uncompressed.
    return min(_MOST_PAGES, found or counted or guessed_pages(len(data)))


def guessed_pages(length: int) -> int:
    """Returns an estimate of the pages in this many characters of base64."""
    return max(1, min(_MOST_PAGES, length * 3 // 4 // _PAGE_BYTES))
