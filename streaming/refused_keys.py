"""How many requests with refused client keys come from each address, and with each key that is known. A request with a
valid key is never counted, nor refused for what others send from its address."""

from __future__ import annotations

import functools
import math
import time
from typing import Final

from access.addresses import client_behind, counted_by
from streaming.refused_notes import Notes

_MINUTE: Final = 60.0
_MOST_ADDRESSES: Final = 10_000
"""How many addresses of one minute are counted, which takes about 2 MB; further ones are not."""

_MOST_KNOWN: Final = 200
"""Keys that are known and refused of which a worker keeps the counts: those that were sent last."""


class RefusedKeys:
    """Counts by address for a minute, in the memory of one worker. `most` 0 counts nothing; proxies of our own stand
    for many clients and are not counted."""

    __slots__ = ("_counter", "_counters", "_ends", "known", "most", "notes", "proxies")

    def __init__(self, most: int, proxies: tuple[str, ...]) -> None:
        self.most = most
        self.notes: Notes | None = None
        """Where they are noted while somebody waits for one."""
        self.proxies = proxies
        self.known: dict[int, tuple[int, float, float, str]] = {}
        """Key -> how many requests with it were refused since this worker started, when the first and the last one
        came, in POSIX seconds, and why the last one was."""
        self._counters: dict[str, list[int]] = {}
        # One look-up a request finds the counter: what a client writes into X-Forwarded-For may differ each time.
        self._counter = functools.lru_cache(maxsize=4096)(self._counter_of)
        self._ends = 0.0

    def wait(self, peer: str, forwarded_for: str, *, counts: bool = True) -> int:
        """Counts one more request, unless it is not known to be refused yet; returns 0, or the seconds that its client
        is to wait where it sends too many."""
        if not self.most:
            return 0
        now = time.monotonic()
        if now >= self._ends:
            self._counters.clear()
            self._counter.cache_clear()
            self._ends = now + _MINUTE
        counter = self._counter(peer, forwarded_for)
        if counter is None:
            return 0
        if counter[0] >= self.most:
            return max(1, math.ceil(self._ends - now))
        if counts:
            counter[0] += 1
        return 0

    def count_known(self, key_id: int, why: str) -> None:
        """Counts a request with a key that is known and not accepted."""
        now = time.time()
        count, since, _, _ = self.known.pop(key_id, (0, now, now, ""))
        if len(self.known) >= _MOST_KNOWN:
            del self.known[next(iter(self.known))]
        self.known[key_id] = (count + 1, since, now, why)

    def _counter_of(self, peer: str, forwarded_for: str) -> list[int] | None:
        """Returns the count of a client's address in a list of its own, None for what is not counted."""
        address = counted_by(client_behind(peer, forwarded_for, self.proxies), self.proxies)
        if address is None:
            return None
        counter = self._counters.get(address)
        if counter is None and len(self._counters) < _MOST_ADDRESSES:
            counter = self._counters[address] = [0]
        return counter
