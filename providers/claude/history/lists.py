"""Lists of messages and tools that were sent before. What a request repeats of one is compared with it, not parsed.

Where a list begins with bytes that are known to be whole items, one other item in their place leaves everything else in
the document what it is: that is JSON's grammar. So the rest is parsed with a mark in their place, which only this
process knows; where it turns up again, they belong.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, NamedTuple

import msgspec

from providers.claude.client_json import decode_shallow
from providers.claude.history.item import KnownItem

_MOST: Final = 16 * 1024 * 1024
"""Bytes of memory of all lists."""
_ALIKE: Final = 8
"""Lists that begin alike, as those of one project do."""
_HEAD: Final = 256
_MARKS: Final = {name: secrets.token_hex(16) for name in ("messages", "tools")}
_PLACES: Final = tuple((name, b'"%b":[' % name.encode(), b'"%b",' % mark.encode()) for name, mark in _MARKS.items())
_encode = msgspec.json.encode


class Read(NamedTuple):
    """A body's value, and the lists and objects in it that were not made for it."""

    value: Any
    spared: int = 0


class _Kept(msgspec.Struct, frozen=True, eq=False):
    items: tuple[KnownItem, ...]
    size: int


class _Found(NamedTuple):
    """A list in a body: its name, the mark's JSON, where its items begin and those that are known end.

    `head` is how the list begins, `of` the kept one that begins with these items.
    """

    name: str
    mark: bytes
    start: int
    end: int
    head: bytes
    items: tuple[KnownItem, ...] = ()
    of: _Kept | None = None


class KnownLists:
    """A worker's, each as its items but the last; those that were not asked for the longest go.

    Several sessions of one project begin alike. A list takes the place of the one that it goes on with.
    Items that are not `valid` are not kept.
    """

    def __init__(self, valid: Callable[[str, dict[str, Any]], bool]) -> None:
        self._valid = valid
        self._kept: OrderedDict[bytes, list[_Kept]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def read(self, body: bytes) -> Read:
        """Returns what `decode_shallow` does, with its errors; the items that are known are KnownItem."""
        lists = [self._found(body, *place) for place in _PLACES]
        request = decode_shallow(_marked(body, lists))
        spared = 0
        if not isinstance(request, dict):
            return Read(request)
        for found in lists:
            items = request.get(found.name)
            if found.items:
                if not isinstance(items, list) or items[:1] != [_MARKS[found.name]]:
                    return Read(decode_shallow(body))
                items[:1] = found.items
                spared += sum([item.containers for item in found.items])
        for found in lists:
            if found.head and isinstance(request.get(found.name), list):
                self._keep(body, request[found.name], found)
        return Read(request, spared)

    def _found(self, body: bytes, name: str, opening: bytes, mark: bytes) -> _Found:
        """The list of that name with the longest beginning that is a kept one's."""
        start = body.find(opening) + len(opening)
        head = body[start : start + _HEAD] if start >= len(opening) else b""
        with self._lock:
            alike = list(self._kept.get(head, ()))
        best = _Found(name, mark, start, start, head)
        for kept in alike:
            at, number = start, 0
            for item in kept.items:
                if not body.startswith(item.raw, at):
                    break
                at += len(item.raw)
                number += 1
            if at > best.end:
                best = _Found(name, mark, start, at, head, kept.items[:number], kept)
        return best

    def _keep(self, body: bytes, items: list[Any], found: _Found) -> None:
        """Keeps the items but the last, up to one that is written in another way than here."""
        at, number = found.end, len(found.items)
        for item in items[number:-1]:
            raw = _encode(item) + b","
            if type(item) is not dict or not body.startswith(raw, at) or not self._valid(found.name, item):
                break
            items[number] = KnownItem(item, raw)
            at += len(raw)
            number += 1
        with self._lock:
            if number > len(found.items):
                self._add(tuple(items[:number]), found)
            elif found.head in self._kept:
                self._kept.move_to_end(found.head)

    def _add(self, items: tuple[KnownItem, ...], found: _Found) -> None:
        alike = self._kept.setdefault(found.head, [])
        self._kept.move_to_end(found.head)
        kept = _Kept(items, sum(item.size for item in items))
        alike.append(kept)
        self._size += kept.size
        if found.of is not None and found.of in alike and 2 * len(found.items) >= len(found.of.items):
            alike.remove(found.of)
            self._size -= found.of.size
        elif len(alike) > _ALIKE:
            self._size -= alike.pop(0).size
        while self._size > _MOST:
            self._size -= sum(kept.size for kept in self._kept.popitem(last=False)[1])


def _marked(body: bytes, lists: list[_Found]) -> bytes:
    """The body with marks in place of what is known."""
    pieces: list[bytes] = []
    at = 0
    for found in sorted((found for found in lists if found.items), key=_start):
        if found.start < at:
            # One list inside the other: their marks will not be where they belong.
            return body
        pieces += body[at : found.start], found.mark
        at = found.end
    return b"".join((*pieces, body[at:])) if pieces else body


def _start(found: _Found) -> int:
    return found.start
