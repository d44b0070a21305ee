"""Whose failures they are: what each client key did at a circuit, and for whom the circuit is open because of it.

One client must not switch a model off for the others: a prompt or a tool that a server cannot take fails for whoever
sends it, and says nothing about what the rest ask for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from routing.health.window import SECONDS

Pair = tuple[int, int]
"""The id of a client key and the mark of a request's body; 0 stands for any."""
Only = tuple[Pair, ...]
"""For whom a circuit is open; EVERYBODY is the empty one."""
EVERYBODY: Only = ()
KEYS_WINDOW = 60.0
"""Seconds within which the failures of two keys speak of the provider, as long as nobody's request succeeds."""
_MOST_KEYS = 64
_MOST_BODIES = 64
_MOST_PAIRS = 8


class Caller(msgspec.Struct, gc=False, eq=False):
    """Whose request an attempt serves. One a request, so that its retries and hedges count once at each circuit."""

    key: int = 0
    body: int = 0
    _counted: list[object] | None = None

    def counts_at(self, circuit: object) -> bool:
        """Whether a failure is this request's first one at a circuit; without a key every failure is."""
        if not self.key:
            return True
        if self._counted is None:
            self._counted = []
        elif circuit in self._counted:
            return False
        self._counted.append(circuit)
        return True


def body_mark(body: bytes) -> int:
    """Returns a number that tells a request's body from others: its length and its last kilobyte.

    It costs the same for every length. Where it takes two for one, both are off when one fails too often.
    """
    return zlib.crc32(body[-1024:], len(body)) or 1


NOBODY = Caller()
"""For questions and attempts that belong to no client key: whatever is off for anybody is off for them."""


def concerns(only: Only, caller: Caller) -> bool:
    """Whether what is off for `only` is off for a caller."""
    if not only or not caller.key:
        return True
    return any(key in (0, caller.key) and body in (0, caller.body) for key, body in only)


def joined(before: Only, pair: Pair, *, others_succeed: bool) -> Only:
    """Returns for whom a circuit is open when one more is added: everybody, if two keys failed and no other succeeded.

    A body that fails for two keys is off for whoever sends it.
    """
    key, body = pair
    if body and any(body == known for _, known in before):
        pair = (0, body)
    elif not others_succeed and any(known not in (0, key) for known, _ in before):
        return EVERYBODY
    kept = [each for each in before if not (pair[0] in (0, each[0]) and pair[1] in (0, each[1]))]
    return (*kept, pair)[-_MOST_PAIRS:]


def written(only: Only) -> str:
    """Returns the text that the workers share: `17`, `17/9af3`, `*/9af3`, separated by commas; "" for everybody."""
    return ",".join(f"{key or '*'}/{body:x}" if body else str(key) for key, body in only)


def read(text: str) -> Only:
    """Returns what `written` wrote. Raises ValueError for another text."""
    pairs = (each.partition("/") for each in text.split(",") if each)
    return tuple((0 if key == "*" else int(key), int(body, 16) if body else 0) for key, _, body in pairs)


class _OfKey:
    """The failures of one key: how often each body failed since its last success, the last one, when, and when it was
    another than the one before."""

    __slots__ = ("at", "bodies", "body", "varied_at")

    def __init__(self) -> None:
        self.bodies: dict[int, int] = {}
        self.body = 0
        self.at = self.varied_at = float("-inf")


class Failures:
    """The failures at one circuit, by key and body; bounded, whatever clients send."""

    __slots__ = ("_keys", "_recent")

    def __init__(self) -> None:
        self._keys: dict[int, _OfKey] = {}
        self._recent: dict[int, tuple[int, float]] = {}

    def add(self, caller: Caller, now: float) -> None:
        """Counts one failure."""
        mine = self._keys.pop(caller.key, None) or _OfKey()
        self._keys[caller.key] = mine
        if mine.body not in (0, caller.body):
            mine.varied_at = now
        mine.at, mine.body = now, caller.body
        mine.bodies[caller.body] = mine.bodies.get(caller.body, 0) + 1
        if caller.body not in self._recent:
            self._recent[caller.body] = caller.key, now
        _drop_oldest(self._keys, _MOST_KEYS)
        _drop_oldest(mine.bodies, _MOST_BODIES)
        _drop_oldest(self._recent, _MOST_BODIES)

    def succeeded(self, caller: Caller) -> None:
        """A request succeeded: its key begins anew, and so does what several keys failed with."""
        self._recent.clear()
        mine = self._keys.get(caller.key)
        if mine is not None:
            mine.bodies.clear()

    def of_several(self, now: float, limit: int) -> bool:
        """Whether so many different bodies failed in a row, and those of at least two keys."""
        keys = [key for key, at in self._recent.values() if now - at <= KEYS_WINDOW]
        return len(keys) >= limit and len(set(keys)) > 1

    def of_another(self, caller: Caller, now: float) -> bool:
        """Whether another key failed with another body a short while ago."""
        return any(
            key != caller.key and one.body != caller.body and now - one.at <= SECONDS for key, one in self._keys.items()
        )

    def of_key(self, caller: Caller, now: float, limit: int, *, half: bool) -> Pair | None:
        """Returns what is off for a key that fails: everything it asks, the one body that fails so often, or nothing.

        `half`: half of the recent attempts failed, whatever their number in a row.
        """
        mine = self._keys[caller.key]
        if len(mine.bodies) >= limit or (half and now - mine.varied_at <= SECONDS):
            return caller.key, 0
        return (caller.key, caller.body) if half or mine.bodies[caller.body] >= limit else None

    def set_aside(self, caller: Caller) -> None:
        """Leaves a key out when half of the attempts fail, because it is off for itself."""
        if caller.key in self._keys:
            self._keys[caller.key].at = float("-inf")


def _drop_oldest(known: dict[int, Any], most: int) -> None:
    if len(known) > most:
        del known[next(iter(known))]


def keys_of(texts: Iterable[str]) -> set[int]:
    """Returns the ids of all keys in texts that `written` wrote."""
    return {key for text in texts for key, _ in read(text) if key}
