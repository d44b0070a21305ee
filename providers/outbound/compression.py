"""Compressed answers: the gateway asks for none, and reads gzip and deflate all the same, as far as they are honest.

br and zstd would need libraries that it does not need otherwise; an unknown compression would be passed on as it came.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from providers.errors import ErrorKind, UpstreamError
from providers.outbound.errors import broken_answer
from usage.sentence import Sentence

_READABLE = frozenset({"identity", "gzip", "deflate", ""})
_PIECE = 64 * 1024
"""Bytes that are inflated at a time."""
_FREE = 1024 * 1024
_MOST_RATIO = 200
"""Times its compressed size that an answer may have beyond the first megabyte: JSON and event streams have up to 50."""


def unreadable_compression(value: str) -> str:
    """Returns the names in a Content-Encoding that cannot be read, "" where there is none."""
    return ", ".join(name for name in _names(value) if name not in _READABLE)[:40]


def compressed_by(names: str) -> Sentence:
    """Returns what a caller and an administrator learn of it."""
    return Sentence(
        "The provider compressed its answer with {names}, though it was asked not to, and this gateway cannot read "
        "that: an administrator must switch the compression off at the provider or at a proxy before it.",
        code="provider_compressed",
        names=names,
    )


def inflates(times: int) -> Sentence:
    """Returns what they learn of an answer that a few bytes make endless."""
    return Sentence(
        "The provider's compressed answer grows to more than {times} times its size: an administrator must switch the "
        "compression off at the provider or at a proxy before it.",
        code="provider_inflates",
        times=times,
    )


class Inflated(AsyncIterator[bytes]):
    """A body without one of its compressions.

    Raises UpstreamError: MALFORMED for one that grows beyond measure, CONNECTION_LOST for one that is broken.
    """

    __slots__ = ("_came", "_inflate", "_is_deflate", "_made", "_rest", "_source")

    def __init__(self, source: AsyncIterator[bytes], name: str) -> None:
        self._source = source
        self._is_deflate = name == "deflate"
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS if self._is_deflate else zlib.MAX_WBITS | 16)
        self._rest = b""
        self._came = self._made = 0

    @classmethod
    def all(cls, source: AsyncIterator[bytes], value: str) -> AsyncIterator[bytes]:
        """Returns a body without the compressions of a Content-Encoding, which can be read."""
        for name in reversed(_names(value)):
            if name in ("gzip", "deflate"):
                source = cls(source, name)
        return source

    async def __anext__(self) -> bytes:
        while True:
            data = self._rest
            if not data:
                data = await self._source.__anext__()
                self._came += len(data)
            made = self._inflated(data)
            if made:
                return made

    def _inflated(self, data: bytes) -> bytes:
        try:
            made = self._inflate.decompress(data, _PIECE)
        except zlib.error as error:
            if not self._is_deflate or self._made:
                raise broken_answer() from error
            # Some servers send deflate without the header that it should have.
            self._is_deflate = False
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflated(data)
        self._rest = self._inflate.unconsumed_tail
        self._made += len(made)
        if self._made > _FREE + _MOST_RATIO * self._came:
            raise UpstreamError(ErrorKind.MALFORMED, inflates(_MOST_RATIO))
        return made


def _names(value: str) -> list[str]:
    return [name.strip().lower() for name in value.split(",")]
