"""Ends the running answers of client keys that are no longer in force, where the setting REVOKED_KEYS says `cut`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from access.keys import KeyEnd, KeyRecord, end_of
from access.playground.holder import SignedIn
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending

INTERVAL = 0.3
"""Seconds between two looks. The snapshot knows of a change within as many, so an answer ends within a second."""
_ENDINGS: Mapping[KeyEnd, Ending] = {
    KeyEnd.DELETED: Ending.KEY_DELETED,
    KeyEnd.REVOKED: Ending.KEY_REVOKED,
    KeyEnd.EXPIRED: Ending.KEY_EXPIRED,
    KeyEnd.DISABLED: Ending.KEY_DISABLED,
    KeyEnd.REPLACED: Ending.KEY_REPLACED,
    KeyEnd.TEAM_DISABLED: Ending.TEAM_DISABLED,
    KeyEnd.OWNER_DISABLED: Ending.OWNER_DISABLED,
    KeyEnd.OWNER_LEFT: Ending.OWNER_LEFT,
}


class KeyWatch:
    """Compares the keys of all `running` requests with those in use now, which `keys` returns by their hashes."""

    def __init__(self, running: Collection[Exchange], keys: Callable[[], Mapping[str, KeyRecord] | None]) -> None:
        self._running = running
        self._keys = keys

    def look(self) -> None:
        """Ends what must end now; the sweeper calls it every INTERVAL."""
        now = time.time()
        keys = self._keys()
        if keys is None:
            return
        for exchange in tuple(self._running):
            if isinstance(exchange.key, SignedIn):
                # Without a key: streaming.playground looks at the session.
                continue
            end = end_of(keys.get(exchange.key.hash), now)
            if end is not None:
                exchange.interrupt(_ENDINGS[end])
