"""CSV files that are sent as they are read, so that a file of any length takes the memory of a block of lines."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

BLOCK = 200
"""Lines that are sent at a time."""


def response(
    request: HttpRequest, name: str, content: Iterator[bytes], content_type: str = "text/csv; charset=utf-8"
) -> StreamingHttpResponse:
    """Returns the response that sends blocks as a file."""
    under_asgi = isinstance(request, ASGIRequest)
    sent = StreamingHttpResponse(_lazily(content) if under_asgi else content, content_type=content_type)
    sent["Content-Disposition"] = f'attachment; filename="{name}"'
    return sent


def blocks(header: Iterable[str], lines: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """The file in blocks of lines, the header first."""
    written: list[str] = []

    class Sink:
        def write(self, text: str) -> None:
            written.append(text)

    writer = csv.writer(Sink())
    writer.writerow(header)
    remaining = iter(lines)
    while True:
        block = list(islice(remaining, BLOCK))
        writer.writerows(block)
        yield "".join(written).encode()
        written.clear()
        if len(block) < BLOCK:
            return


async def _lazily(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Under ASGI Django would read a plain iterator to its end before it sends the first byte.
    def next_block() -> bytes | None:
        return next(content, None)

    while (block := await sync_to_async(next_block)()) is not None:
        yield block
