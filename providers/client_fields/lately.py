"""The names of fields that this process dropped lately, until they are written to the database.

A request costs a few dictionary look-ups here, and no client makes it grow: a name is short, and there is an end.
"""

from __future__ import annotations

from collections.abc import Iterable

from providers.client_fields.names import problem_of

Dropped = dict[tuple[int, str], int]
"""How often, by provider's id and field."""

_MOST = 200
_MOST_OF_A_REQUEST = 16

_dropped: Dropped = {}


def note(provider: int, names: Iterable[str]) -> None:
    """Notes fields that a request lost; those that no administrator could allow are left out."""
    found = _dropped
    for name, _ in zip(names, range(_MOST_OF_A_REQUEST), strict=False):
        place = (provider, name)
        count = found.get(place)
        if count is not None:
            found[place] = count + 1
        elif len(found) < _MOST and not problem_of(name):
            found[place] = 1


def taken() -> Dropped:
    """Returns what was noted since the last call, which may come from another thread."""
    global _dropped
    found, _dropped = _dropped, {}
    return found
