"""Compressed request bodies (RFC 9110, 8.4): gzip and deflate, never to more than the limit of a body."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

SUPPORTED: Final = "gzip, deflate"
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_PLAIN: Final = frozenset({"", "identity"})


class UnknownCompression(Exception):
    """A body in a coding, or in several at once, that is not decompressed here."""


class BrokenCompression(Exception):
    """A body that is not what its content-encoding says, or not all of it."""


class TooMuch(Exception):
    """A body that is larger than the limit once it is decompressed."""


def coding(content_encoding: str) -> str | None:
    """Returns `gzip` or `deflate`, None for an uncompressed body. Raises UnknownCompression."""
    codings = [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in (*_GZIP, "deflate"):
        raise UnknownCompression
    return "gzip" if codings[0] in _GZIP else "deflate"


async def decompressed(body: bytes, name: str, limit: int) -> bytes:
    """Returns a body as it was before. Raises BrokenCompression or TooMuch.

    In a thread: a few kilobytes can become 32 MB, and no stream waits for that.
    """
    return await asyncio.to_thread(_inflate, body, name, limit)


def _inflate(body: bytes, name: str, limit: int) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16 if name == "gzip" else _deflate_window(body))
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise BrokenCompression from error
    if len(plain) > limit:
        raise TooMuch
    if not inflater.eof or inflater.unused_data:
        raise BrokenCompression
    return plain


def _deflate_window(body: bytes) -> int:
    """What zlib takes to read `deflate`: the zlib format, as RFC 9110 says, or a raw stream, as many clients send."""
    has_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
