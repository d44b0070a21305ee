"""Reads the text of a PDF back: of each page what is shown, in order, separated by blanks."""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\n(<<.*?>>)\n(?:stream\n(.*?)\nendstream\n)?endobj", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", re.DOTALL)
_PAIRS = re.compile(rb"<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>")
_ESCAPED = {b"n": b"\n", b"r": b"\r"}

Glyphs = dict[int, str]


def text_of_pdf(content: bytes) -> str:
    """Returns all that the pages show. The text of embedded fonts is read by their ToUnicode tables."""
    objects = {number: (head, body) for number, head, body in _OBJECT.findall(content)}
    fonts = {name: _glyphs(objects, number) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", content)}
    pages = [stream for head, body in objects.values() if b" Tf" in (stream := _inflated(head, body))]
    return " ".join(_text(page, fonts) for page in pages)


def _inflated(head: bytes, body: bytes) -> bytes:
    return zlib.decompress(body) if b"FlateDecode" in head and b"Length1" not in head else body


def _glyphs(objects: dict[bytes, tuple[bytes, bytes]], font: bytes) -> Glyphs:
    table = re.search(rb"/ToUnicode (\d+) 0 R", objects[font][0])
    pairs = [] if table is None else _PAIRS.findall(_inflated(*objects[table[1]]))
    return {int(code, 16): bytes.fromhex(to.decode()).decode("utf-16-be") for code, to in pairs}


def _text(page: bytes, fonts: dict[bytes, Glyphs]) -> str:
    found, glyphs = [], Glyphs()
    for font, shown in _SHOWN.findall(page):
        if font:
            glyphs = fonts[font]
            continue
        raw = re.sub(rb"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), shown, flags=re.DOTALL)
        codes = [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)]
        found.append("".join(glyphs[code] for code in codes) if glyphs else raw.decode("cp1252"))
    return " ".join(" ".join(found).split())
