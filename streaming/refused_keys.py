"""How many requests with refused client keys come from each address. A request with a valid key is never counted, nor
refused for what others send from its address."""

from __future__ import annotations

import functools
import math
import time
from typing import Final

from access.addresses import client_behind, counted_by

_MINUTE: Final = 60.0
_MOST_ADDRESSES: Final = 10_000
"""How many addresses of one minute are counted, which takes about 1 MB; further ones are not."""


class RefusedKeys:
    """Counts by address for a minute, in the memory of one worker. `most` 0 counts nothing; proxies of our own stand
    for many clients and are not counted."""

    __slots__ = ("_counts", "_ends", "_proxies", "most")

    def __init__(self, most: int, proxies: tuple[str, ...]) -> None:
        self.most = most
        self._proxies = proxies
        self._counts: dict[str, int] = {}
        self._ends = 0.0

    def wait(self, peer: str, forwarded_for: str) -> int:
        """Counts one more request; returns 0, or the seconds that its client is to wait where it sends too many."""
        if not self.most:
            return 0
        now = time.monotonic()
        if now >= self._ends:
            self._counts.clear()
            self._ends = now + _MINUTE
        address = _counted(peer, forwarded_for, self._proxies)
        if address is None:
            return 0
        count = self._counts.get(address, 0)
        if count >= self.most:
            return max(1, math.ceil(self._ends - now))
        if count or len(self._counts) < _MOST_ADDRESSES:
            self._counts[address] = count + 1
        return 0


@functools.lru_cache(maxsize=4096)
def _counted(peer: str, forwarded_for: str, proxies: tuple[str, ...]) -> str | None:
    return counted_by(client_behind(peer, forwarded_for, proxies), proxies)
