"""Parts of conversations that were translated, until newer ones take their place."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Final

import msgspec

from providers.fidelity import Fidelity

_MOST: Final = 16 * 1024 * 1024
"""Bytes of groups and of their translations."""
_LARGEST: Final = 64 * 1024
_AROUND: Final = 1024
"""Bytes that a small group takes beside its JSON."""
_HEAD, _TAIL = 192, 64


class Kept(msgspec.Struct, frozen=True):
    """A group and its translation: messages as JSON, the ids of its calls, and what was noted.

    `messages` is None where a group does not stand for itself: it shares a message with others, or cannot be sent.
    """

    group: bytes
    messages: tuple[Any, ...] | None = None
    ids: dict[str, int] = {}
    codes: tuple[Fidelity, ...] = ()

    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _AROUND + len(self.group) + sum(memoryview(message).nbytes for message in self.messages or ())


class KeptGroups:
    """A worker's. Of two groups that look alike from outside the later one is kept; no group is taken for another.

    Groups are found by their length and both ends, and compared whole: to hash all their bytes takes longer. Of
    `target` are the server's profile, the model and its origin.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, group: bytes, target: tuple[str, ...]) -> Kept | None:
        """What is kept of the group."""
        key = _key(group, target)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.group != group:
                return None
            self._kept.move_to_end(key)
            return kept

    def add(self, kept: Kept, target: tuple[str, ...]) -> None:
        """Keeps a group; those that were not asked for the longest go."""
        if len(kept.group) > _LARGEST:
            return
        key = _key(kept.group, target)
        with self._lock:
            earlier = self._kept.pop(key, None)
            self._size += kept.size() - (0 if earlier is None else earlier.size())
            self._kept[key] = kept
            while self._size > _MOST:
                self._size -= self._kept.popitem(last=False)[1].size()


def _key(group: bytes, target: tuple[str, ...]) -> tuple[Any, ...]:
    return *target, len(group), group[:_HEAD], group[-_TAIL:]
