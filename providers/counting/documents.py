"""A PDF's tokens from its pages, and its pages from marks in the file; where those are packed away, from its length.

Only the marks are looked for: the file is neither parsed nor unpacked.
"""

from __future__ import annotations

import binascii
import re

PAGE_TOKENS = 2200
"""A page is read as text and as an image (2026-11): https://platform.claude.com/docs/en/build-with-claude/pdf-support"""
_PAGE_BYTES = 50_000
"""Bytes a page is guessed at where no mark is found."""
_MOST_PAGES = 600
"""No provider takes more."""
_STEP = 256 * 1024
_OVERLAP = 32
_PAGE = re.compile(rb"/Type\s{0,4}/Page(?![a-zA-Z])")
_COUNT = re.compile(rb"/Count\s{1,4}(\d{1,5})(?!\d)")


def pdf_tokens(data: str) -> int:
    """The tokens of a PDF in base64."""
    return PAGE_TOKENS * pages(data)


def pages(data: str) -> int:
    """How many pages a PDF in base64 has, or about so many; at least one."""
    found = counted = 0
    rest = b""
    for start in range(0, len(data), _STEP):
        try:
            # A step at a time: decoding holds everybody up, and a document can have 32 MB.
            piece = rest + binascii.a2b_base64(data[start : start + _STEP])
        except (binascii.Error, ValueError):
            return guessed_pages(len(data))
        edge = len(piece) - _OVERLAP if start + _STEP < len(data) else len(piece)
        found += sum(1 for mark in _PAGE.finditer(piece) if mark.start() < edge)
        counted = max([counted, *(int(mark[1]) for mark in _COUNT.finditer(piece))])
        rest = piece[max(0, edge) :]
    # Outlines have a /Count too, but a document with more of them than pages has its pages unpacked.
    return min(_MOST_PAGES, found or counted or guessed_pages(len(data)))


def guessed_pages(length: int) -> int:
    """About how many pages so many characters of base64 hold."""
    return max(1, min(_MOST_PAGES, length * 3 // 4 // _PAGE_BYTES))
