"""A message or a tool that a session sends again with every request, and what was once found out about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_AROUND: Final = 1024
"""Bytes that an item takes beside its JSON and its values."""
_KEY: Final = 64
_encode = msgspec.json.encode


class KnownItem(dict[str, Any]):
    """A message or a tool that is one object in all requests that send it: nobody changes it, or anything in it.

    It is a subclass of dict, so `type(item) is dict` is not asked of messages and tools.

    `raw` is its JSON as msgspec writes it, with a comma behind it. `found` is what functions returned for it.
    `containers` are the lists and objects that it consists of, `size` is about how many bytes of memory it takes.
    """

    __slots__ = ("containers", "found", "raw", "size")

    def __init__(self, item: dict[str, Any], raw: bytes) -> None:
        super().__init__(item)
        self.raw = raw
        self.found: dict[Any, Any] = {}
        self.containers, values = _measured(item)
        self.size = _AROUND + len(raw) + values


def read_once(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Makes a function of an item keep what it returns with an item that is known; nobody may change that."""

    def found(item: Any) -> T:
        if type(item) is not KnownItem:
            return read(item)
        try:
            value: T = item.found[read]
        except KeyError:
            item.found[read] = value = read(item)
        return value

    return found


def encoded(items: Sequence[Any]) -> bytes:
    """The JSON of a list, of which the items that are known need not be written."""
    written = [item.raw if type(item) is KnownItem else _encode(item) + b"," for item in items]
    return b"[%b]" % b"".join(written)[:-1]


def _measured(item: dict[str, Any]) -> tuple[int, int]:
    """How many lists and objects an item consists of, and about how many bytes it takes."""
    containers, size = 0, getsizeof(item)
    level: list[Any] = [item]
    while level:
        containers += len(level)
        values: list[Any] = []
        for container in level:
            if type(container) is dict:
                size += _KEY * len(container)
                values += container.values()
            else:
                values += container
        size += sum(map(getsizeof, values))
        level = [value for value in values if type(value) is dict or type(value) is list]
    return containers, size
