"""Fetches images and documents that a client gives by URL, for providers that take none, and puts them inline.

Only from public addresses, within limits of size, number and time. Files are cached for some minutes, because every
turn of a conversation repeats the URLs.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from providers.offload import off_loop
from providers.outbound.downloads import Fetched, FetchFailed, fetch
from usage.sentence import Sentence

SECONDS = 10.0
"""For one file; a request's files are fetched side by side."""
ALL_SECONDS = 30.0
MOST_FILES = 20
MOST_MENTIONS = 100
"""Places of a request that show them: each one gets the whole file."""
MOST_BYTES: Mapping[str, int] = {"image": 10_000_000, "document": 32_000_000}
ALL_BYTES = 32_000_000
"""Of all files, each counted as often as it is mentioned."""
_LONG = 1_000_000
"""Bytes that are encoded beside the event loop."""
_AT_ONCE = 4
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
_ALLOWED: Mapping[str, frozenset[str]] = {"image": _IMAGES, "document": frozenset({_PDF})}
_EXPECTED: Mapping[str, str] = {"image": "a JPEG, PNG, GIF or WebP image", "document": "a PDF document"}

Source = dict[str, Any]
Path = tuple[str | int, ...]


class MediaCache:
    """Recently fetched files by kind and URL; evicts the least recently used. Sources are never changed."""

    def __init__(self, most_bytes: int = 32 * 1024 * 1024, seconds: float = 600.0) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._size = 0
        self._sources: OrderedDict[tuple[str, str], tuple[float, Source]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Source | None:
        """Returns the source if it is cached and has not expired."""
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
        """Stores a source, and evicts others to make room."""
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


_cache = MediaCache()


class _Allowance:
    """What may still arrive of a request's files."""

    __slots__ = ("_remaining",)

    def __init__(self) -> None:
        self._remaining = ALL_BYTES

    def take(self, size: int) -> None:
        """Raises UnsupportedRequest when that is more than remains."""
        self._remaining -= size
        if self._remaining < 0:
            raise UnsupportedRequest(
                Sentence(
                    "The images and documents exceed {most} MB in total, each counted as often as the request mentions "
                    "it. Send fewer of them.",
                    code="media_too_large",
                    most=ALL_BYTES // 1_000_000,
                )
            )


async def with_media(
    body: dict[str, Any], notes: Notes, cache: MediaCache = _cache, *, heavy: bool = False
) -> dict[str, Any]:
    """Returns the request with all media inline; the same object when none is given by URL.

    A `heavy` one is searched beside the event loop. Raises UnsupportedRequest, which names the field and not the URL.
    """
    found = await off_loop(media_urls, body) if heavy else media_urls(body)
    if not found:
        return body
    wanted = {(media_url.kind, media_url.url): media_url for media_url in reversed(found)}
    _check_number(len(wanted), len(found))
    mentions = Counter((media_url.kind, media_url.url) for media_url in found)
    slots, allowance = asyncio.Semaphore(_AT_ONCE), _Allowance()
    try:
        async with asyncio.timeout(ALL_SECONDS), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_source(media_url, mentions[key], slots, allowance, cache))
                for key, media_url in wanted.items()
            ]
    except ExceptionGroup as failures:
        # The first one cancelled the others.
        raise failures.exceptions[0] from None
    except TimeoutError as error:
        raise UnsupportedRequest(
            Sentence(
                "The images and documents could not be fetched within {seconds:g} s. Send them as base64.",
                code="media_fetch_timeout",
                seconds=ALL_SECONDS,
            )
        ) from error
    sources = {key: task.result() for key, task in zip(wanted, tasks, strict=True)}
    notes.add(Fidelity.MEDIA_FETCHED)
    return inlined(body, {media_url.path: sources[media_url.kind, media_url.url] for media_url in found})


def _check_number(files: int, mentions: int) -> None:
    """Raises UnsupportedRequest for too many."""
    if files > MOST_FILES:
        raise UnsupportedRequest(
            Sentence(
                "The request gives {count} images and documents by URL, which this provider does not take: the gateway "
                "fetches at most {most}. Send them as base64.",
                code="media_too_many_urls",
                count=files,
                most=MOST_FILES,
            )
        )
    if mentions > MOST_MENTIONS:
        raise UnsupportedRequest(
            Sentence(
                "The request mentions images and documents by URL {count} times, which this provider does not take: "
                "the gateway puts them into at most {most} places. Mention them less often.",
                code="media_too_many_mentions",
                count=mentions,
                most=MOST_MENTIONS,
            )
        )


async def _source(
    media_url: MediaUrl, mentions: int, slots: asyncio.Semaphore, allowance: _Allowance, cache: MediaCache
) -> Source:
    """Returns a base64 source for one URL that the request mentions so often."""
    key = (media_url.kind, media_url.url)
    source = cache.get(key)
    if source is not None:
        allowance.take(mentions * len(source["data"]) * 3 // 4)
        return source
    try:
        async with slots:
            fetched = await fetch(
                media_url.url,
                most_bytes=MOST_BYTES[media_url.kind],
                seconds=SECONDS,
                arrived=lambda size: allowance.take(mentions * size),
            )
    except FetchFailed as error:
        raise UnsupportedRequest(
            Sentence(
                "{where}: the {kind} could not be fetched: {reason}. Send it as base64.",
                code="media_fetch_failed",
                where=str(media_url),
                kind=media_url.kind,
                reason=error.reason,
            )
        ) from error
    media_type = _media_type(fetched)
    if media_type not in _ALLOWED[media_url.kind]:
        raise UnsupportedRequest(
            Sentence(
                "{where}: the file at the URL is not {expected}. Send it as base64.",
                code="media_wrong_type",
                where=str(media_url),
                expected=_EXPECTED[media_url.kind],
            )
        )
    content = fetched.content
    data = await off_loop(_encoded, content) if len(content) > _LONG else _encoded(content)
    source = {"type": "base64", "media_type": media_type, "data": data}
    cache.put(key, source)
    return source


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _media_type(fetched: Fetched) -> str:
    """Returns the media type of the bytes; the server's only where they show none."""
    content = fetched.content
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    # Readers look for a PDF's header in the first kilobyte, not only at the start.
    return _PDF if b"%PDF-" in content[:1024] else fetched.content_type


class MediaUrl(msgspec.Struct, frozen=True):
    """One image or document that is given by URL; `path` leads to its source."""

    path: Path
    kind: str
    url: str

    def __str__(self) -> str:
        return ".".join(str(step) for step in self.path[:-1])


def media_urls(body: dict[str, Any]) -> list[MediaUrl]:
    """Returns every media URL in messages, in tool results and in documents made of blocks; no data URLs."""
    found: list[MediaUrl] = []
    messages = body.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        # Most messages have no media, and this runs for every request.
        if isinstance(content, list) and _may_have_media(content):
            found += _in_blocks(content, ("messages", number, "content"))
    return found


def inlined(body: dict[str, Any], sources: Mapping[Path, dict[str, Any]]) -> dict[str, Any]:
    """Returns the request with other sources at some paths, replaced in one walk; shares everything else."""
    replaced: dict[str, Any] = _replaced(body, list(sources.items()), 0) if sources else body
    return replaced


def _may_have_media(blocks: list[Any]) -> bool:
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "image" or kind == "document":
            return True
        if kind == "tool_result":
            content = block.get("content")
            if isinstance(content, list) and _may_have_media(content):
                return True
    return False


def _in_blocks(blocks: list[Any], path: Path) -> Iterator[MediaUrl]:
    for number, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "tool_result" and isinstance(block.get("content"), list):
            yield from _in_blocks(block["content"], (*path, number, "content"))
        elif kind in ("image", "document") and isinstance(block.get("source"), dict):
            source = block["source"]
            url = source.get("url")
            if source.get("type") == "url" and isinstance(url, str) and not url.startswith("data:"):
                yield MediaUrl((*path, number, "source"), kind, url)
            elif source.get("type") == "content" and isinstance(source.get("content"), list):
                yield from _in_blocks(source["content"], (*path, number, "source", "content"))


def _replaced(value: Any, sources: list[tuple[Path, Source]], depth: int) -> Any:
    """A copy of a list or an object with the sources in it; all paths are the same up to it."""
    below: dict[str | int, list[tuple[Path, Source]]] = {}
    for path, source in sources:
        below.setdefault(path[depth], []).append((path, source))
    copied = value.copy()
    for step, inner in below.items():
        path, source = inner[0]
        copied[step] = source if len(path) == depth + 1 else _replaced(value[step], inner, depth + 1)
    return copied
