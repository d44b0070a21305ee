"""The first bytes of image files and small PDFs, in base64 as requests carry them."""

from __future__ import annotations

import base64
import struct
from typing import Any


def base64_of(data: bytes) -> str:
    """As a block's source has it."""
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> str:
    """A PNG's signature and IHDR."""
    return base64_of(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\0\0\0" + bytes(40)
    )


def gif(width: int, height: int) -> str:
    """A GIF's logical screen."""
    return base64_of(b"GIF89a" + struct.pack("<HH", width, height) + bytes(40))


def jpeg(width: int, height: int, *, preview: int = 0, frame: int = 0xC0) -> str:
    """A JPEG with a preview of so many bytes, a Huffman table and fill bytes before its frame."""
    data = b"\xff\xd8"
    while preview > 0:
        part = min(preview, 60_000)
        data += b"\xff\xe1" + struct.pack(">H", part + 2) + bytes(part)
        preview -= part
    data += b"\xff\xc4" + struct.pack(">H", 12) + bytes(10) + b"\xff"
    data += bytes([0xFF, frame]) + struct.pack(">HBHH", 17, 8, height, width) + bytes(40)
    return base64_of(data)


def webp(width: int, height: int, kind: bytes) -> str:
    """A WebP of one of its three kinds."""
    match kind:
        case b"VP8 ":
            chunk = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
        case b"VP8L":
            chunk = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
        case _:
            chunk = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk += bytes(40)
    return base64_of(
        b"RIFF" + struct.pack("<I", len(chunk) + 12) + b"WEBP" + kind + struct.pack("<I", len(chunk)) + chunk
    )


def pdf(pages: int, *, filler: int = 0) -> str:
    """A PDF whose page objects stand open, with so many bytes between two."""
    kids = b"".join(b"%d 0 obj\n<< /Type /Page /Parent 1 0 R >>\n" % n + b"%" * filler + b"\n" for n in range(pages))
    return base64_of(b"%%PDF-1.7\n1 0 obj\n<< /Type /Pages /Count %d >>\n" % pages + kids + b"%%EOF")


def source(data: str, media_type: str = "image/png") -> dict[str, Any]:
    """A base64 source."""
    return {"type": "base64", "media_type": media_type, "data": data}
