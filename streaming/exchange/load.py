"""What requests hold of this process: how many are under way for each client key, and the bytes of their bodies.

Each limit stands for memory: a request takes some as long as it runs, a body takes several times its size until nothing
of it can be sent again. The counts are those of one worker, and cost a request no more than a few additions.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from streaming.refused import RefusalKind, Refused
from usage.sentence import Sentence

NOBODY: Final = 0
"""Stands for the key of callers whose key is refused."""
PAGES: Final = -1
"""Stands for the key of pages for people. Only bytes are limited: no number of requests locks an administrator out."""
_RETRY_AFTER: Final = 5.0
_KEY: Final = Sentence("This client key")
_EVERYBODY: Final = Sentence("This gateway")
_NOBODY: Final = Sentence("Whoever has no valid client key")
_PLAYGROUND: Final = Sentence("Your playground")


class _Held:
    """What all requests of one key hold."""

    __slots__ = ("bodies", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.bodies = 0


class Load:
    """The requests under way, at most so many of a key, and so many bytes of bodies in all and of a key."""

    __slots__ = ("_keys", "bodies", "most_bodies", "most_bodies_of_key", "most_requests")

    def __init__(self, *, requests: int = 1000, bodies: int = 1 << 29, bodies_of_key: int = 1 << 28) -> None:
        self.most_requests = requests
        self.most_bodies = bodies
        self.most_bodies_of_key = bodies_of_key
        self.bodies = 0
        self._keys: dict[int, _Held] = {}

    def enter(self, key_id: int) -> Share:
        """Counts one more request of a key. Raises Refused where it has too many; `leave` must follow otherwise."""
        held = self._keys.get(key_id)
        if held is None:
            held = self._keys[key_id] = _Held()
        elif held.requests >= self.most_requests and key_id != PAGES:
            raise Refused(
                RefusalKind.RATE_LIMITED,
                Sentence(
                    "{whose} has {most} requests under way, which is the most. Send this one again when some of them "
                    "have ended, or ask an administrator of this gateway for a higher MAX_REQUESTS_PER_KEY.",
                    code="too_many_requests",
                    whose=_whose(key_id),
                    most=self.most_requests,
                ),
                retry_after=_RETRY_AFTER,
                code="too_many_requests",
            )
        held.requests += 1
        return Share(self, key_id, held)

    def forget(self, key_id: int) -> None:
        """Drops the count of a key that has no request under way."""
        del self._keys[key_id]


class Share:
    """What one request holds, from `Load.enter` on; as a context, until its end."""

    __slots__ = ("_held", "_key_id", "_load", "bodies")

    def __init__(self, load: Load, key_id: int, held: _Held) -> None:
        self._load = load
        self._key_id = key_id
        self._held: _Held | None = held
        self.bodies = 0

    def expect(self, size: int) -> None:
        """Raises Refused where a body of this size would be too much now; nothing is counted yet."""
        load, held = self._load, self._held
        if held is None:
            return
        if held.bodies + size > load.most_bodies_of_key:
            raise _too_much(_whose(self._key_id), load.most_bodies_of_key)
        if load.bodies + size > load.most_bodies:
            raise _too_much(_EVERYBODY, load.most_bodies)

    def hold(self, size: int) -> None:
        """Counts bytes of the body that have come. Raises Refused where they are too much."""
        self.expect(size)
        if self._held is not None:
            self.bodies += size
            self._held.bodies += size
            self._load.bodies += size

    def release(self) -> None:
        """Counts the body no more."""
        size, self.bodies = self.bodies, 0
        if size and self._held is not None:
            self._held.bodies -= size
            self._load.bodies -= size

    def leave(self) -> None:
        """Ends the request; a second call does nothing."""
        held = self._held
        if held is None:
            return
        if self.bodies:
            self.release()
        self._held = None
        held.requests -= 1
        if not held.requests:
            self._load.forget(self._key_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()


def _whose(key_id: int) -> Sentence:
    if key_id < PAGES:
        return _PLAYGROUND
    return _KEY if key_id > 0 else _NOBODY


def _too_much(whose: Sentence, most: int) -> Refused:
    return Refused(
        RefusalKind.OVERLOADED,
        Sentence(
            "{whose} has as many bytes of requests under way as it may ({most}). Try again in a moment.",
            code="too_many_bytes",
            whose=whose,
            most=most,
        ),
        retry_after=_RETRY_AFTER,
        code="too_many_bytes",
    )
