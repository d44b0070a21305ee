"""Images and documents that a client gives by their web address, for providers that take none: fetched here.

Only from public addresses, within limits of size, number and time. What was fetched is kept for some minutes, because
every turn of a conversation brings the same addresses again.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from providers.outbound.guard import Fetched, FetchFailed, fetch
from providers.outbound.media_places import Path, Place, inlined, places

SECONDS = 10.0
"""For one file; a request's files are fetched side by side."""
ALL_SECONDS = 30.0
MOST_FILES = 20
MOST_BYTES: Mapping[str, int] = {"image": 10_000_000, "document": 32_000_000}
ALL_BYTES = 32_000_000
_AT_ONCE = 4
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
_TAKEN: Mapping[str, frozenset[str]] = {"image": _IMAGES, "document": frozenset({_PDF})}
_WANTED: Mapping[str, str] = {"image": "no JPEG, PNG, GIF or WebP image", "document": "no PDF document"}

Source = dict[str, Any]


class Kept:
    """What was fetched lately, by kind and address; the least recently used goes first. Sources are never changed."""

    def __init__(self, most_bytes: int = 32 * 1024 * 1024, seconds: float = 600.0) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._size = 0
        self._sources: OrderedDict[tuple[str, str], tuple[float, Source]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Source | None:
        """The source, if it is there and fresh."""
        found = self._sources.get(key)
        if found is None:
            return None
        expires, source = found
        if time.monotonic() >= expires:
            self._drop(key)
            return None
        self._sources.move_to_end(key)
        return source

    def put(self, key: tuple[str, str], source: Source) -> None:
        """Keep a source, at the cost of others if need be."""
        self._drop(key)
        if len(source["data"]) > self._most_bytes:
            return
        self._sources[key] = (time.monotonic() + self._seconds, source)
        self._size += len(source["data"])
        while self._size > self._most_bytes:
            self._drop(next(iter(self._sources)))

    def _drop(self, key: tuple[str, str]) -> None:
        dropped = self._sources.pop(key, None)
        if dropped is not None:
            self._size -= len(dropped[1]["data"])


_kept = Kept()


async def with_media(body: dict[str, Any], notes: Notes, kept: Kept = _kept) -> dict[str, Any]:
    """The request with everything inline; the same one when nothing is given by address.

    Raises UnsupportedRequest, which names the place and not the address.
    """
    found = places(body)
    if not found:
        return body
    wanted = {(place.kind, place.url): place for place in reversed(found)}
    if len(wanted) > MOST_FILES:
        raise UnsupportedRequest(
            f"The request gives {len(wanted)} images and documents by their address, and this provider takes none: "
            f"at most {MOST_FILES} are fetched for it. Send them as base64."
        )
    slots = asyncio.Semaphore(_AT_ONCE)
    try:
        async with asyncio.timeout(ALL_SECONDS), asyncio.TaskGroup() as group:
            tasks = [group.create_task(_source(place, slots, kept)) for place in wanted.values()]
    except ExceptionGroup as failures:
        # The first one cancelled the others.
        raise failures.exceptions[0] from None
    except TimeoutError as error:
        raise UnsupportedRequest(
            f"The images and documents could not be fetched within {ALL_SECONDS:g} s. Send them as base64."
        ) from error
    sources = {key: task.result() for key, task in zip(wanted, tasks, strict=True)}
    if sum(len(source["data"]) for source in sources.values()) * 3 // 4 > ALL_BYTES:
        raise UnsupportedRequest(
            f"The images and documents are larger than {ALL_BYTES // 1_000_000} MB together. Send fewer of them."
        )
    notes.add(Fidelity.MEDIA_FETCHED)
    paths: dict[Path, Source] = {place.path: sources[place.kind, place.url] for place in found}
    return inlined(body, paths)


async def _source(place: Place, slots: asyncio.Semaphore, kept: Kept) -> Source:
    """A base64 source for what stands at a place."""
    key = (place.kind, place.url)
    source = kept.get(key)
    if source is not None:
        return source
    try:
        async with slots:
            fetched = await fetch(place.url, most_bytes=MOST_BYTES[place.kind], seconds=SECONDS)
    except FetchFailed as error:
        raise UnsupportedRequest(
            f"{place}: the {place.kind} could not be fetched: {error.reason}. Send it as base64."
        ) from error
    media_type = _media_type(fetched)
    if media_type not in _TAKEN[place.kind]:
        raise UnsupportedRequest(f"{place}: what stands at the address is {_WANTED[place.kind]}. Send it as base64.")
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(fetched.content).decode()}
    kept.put(key, source)
    return source


def _media_type(fetched: Fetched) -> str:
    """What the bytes say they are; what the server says only where they say nothing."""
    content = fetched.content
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    # Readers look for a PDF's head in its first kilobyte, not only at its very beginning.
    return _PDF if b"%PDF-" in content[:1024] else fetched.content_type
