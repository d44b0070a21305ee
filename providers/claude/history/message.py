"""A message that a session sends again with every request, and what was once found out about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_AROUND: Final = 1024
"""Bytes that a message takes beside its JSON and its values."""
_encode = msgspec.json.encode


class KnownMessage(dict[str, Any]):
    """A message that is one object in all requests that send it: nobody changes it, or anything in it.

    `raw` is its JSON as msgspec writes it, with a comma behind it. `found` is what functions returned for it.
    `containers` are the lists and objects that it consists of, `size` is about how many bytes of memory it takes.
    """

    __slots__ = ("containers", "found", "raw", "size")

    def __init__(self, message: dict[str, Any], raw: bytes) -> None:
        super().__init__(message)
        self.raw = raw
        self.found: dict[Any, Any] = {}
        self.containers, values = _measured(message)
        self.size = _AROUND + len(raw) + values


def once_a_message(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Makes a function of a message keep what it returns with a message that is known. It must return a constant."""

    def found(message: Any) -> T:
        if type(message) is not KnownMessage:
            return read(message)
        try:
            value: T = message.found[read]
        except KeyError:
            message.found[read] = value = read(message)
        return value

    return found


def encoded(messages: list[Any]) -> bytes:
    """The JSON of messages, of which those that are known need not be written."""
    written = [message.raw if type(message) is KnownMessage else _encode(message) + b"," for message in messages]
    return b"[%b]" % b"".join(written)[:-1]


def _measured(value: Any) -> tuple[int, int]:
    """How many lists and objects a value consists of, and about how many bytes it takes."""
    containers, size = 0, sys.getsizeof(value)
    if isinstance(value, dict | list):
        containers = 1
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            more, bytes_of_it = _measured(inner)
            containers += more
            size += bytes_of_it
    return containers, size
