"""What rows call a client and a set of tags, where clients choose both: by name while a worker has seen few of them on
a day, and all further ones by one name. What the client did not choose, its key's tags, is never part of that.

Sums by client and by tags have a row for each name. It is decided on the request's row, so that the rows alone give the
sums. The complete user agent and the tags themselves are on the row, too.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final
from uuid import UUID

from access.tags import Tagged
from routing.facts.client import identify_client

OTHER: Final = "other"
"""The name of clients, and of versions, beyond those that have a name of their own."""
_MOST_REMEMBERED: Final = 4096


class Distinct:
    """The clients and the sets of claimed tags that a worker has seen on a day; `day` is the ordinal of its date."""

    __slots__ = ("_clients", "_day", "_names", "_sets", "_versions")

    def __init__(self) -> None:
        self._begin(0)

    def client(self, day: int, key_id: int, user_agent: str) -> tuple[str, str]:
        """Returns the client's name and version for the row."""
        if day != self._day:
            self._begin(day)
        found = self._clients.get((key_id, user_agent))
        return self._client(key_id, user_agent) if found is None else found

    def tags_id(self, day: int, key_id: int, tagged: Tagged) -> UUID:
        """Returns the id of the set of tags for the row. There are few sets of keys, alone or with all others."""
        if tagged.others is None:
            return tagged.id
        if day != self._day:
            self._begin(day)
        return tagged.id if self._sets.has(key_id, tagged.id) else tagged.others

    def _begin(self, day: int) -> None:
        self._day = day
        self._clients: dict[tuple[int, str], tuple[str, str]] = {}
        self._names = _First(of_key=20, of_all=200)
        self._versions = _First(of_key=50, of_all=500)
        self._sets = _First(of_key=200, of_all=2_000)

    def _client(self, key_id: int, user_agent: str) -> tuple[str, str]:
        _, name, version, _ = identify_client(user_agent)
        if name and not self._names.has(key_id, name):
            name, version = OTHER, version and OTHER
        elif version and not self._versions.has(key_id, (name, version)):
            version = OTHER
        if len(self._clients) < _MOST_REMEMBERED:
            self._clients[key_id, user_agent] = name, version
        return name, version


class _First:
    """The first values that were seen: so many of each client key, and so many of all together."""

    __slots__ = ("_all", "_of_all", "_of_key", "_of_keys")

    def __init__(self, *, of_key: int, of_all: int) -> None:
        self._of_key, self._of_all = of_key, of_all
        self._all: set[Hashable] = set()
        self._of_keys: dict[int, set[Hashable]] = {}

    def has(self, key_id: int, value: Hashable) -> bool:
        """Whether a value is one of the first ones, as it is while there is room for it."""
        own = self._of_keys.setdefault(key_id, set())
        if value in own:
            return True
        if len(own) >= self._of_key or (value not in self._all and len(self._all) >= self._of_all):
            return False
        own.add(value)
        self._all.add(value)
        return True
