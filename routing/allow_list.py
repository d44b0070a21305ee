"""What a client key's allow-list lets it use, as refusals name it."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.snapshot import Snapshot

_MOST_NAMED = 10


def usable_routes(key: KeyRecord, snapshot: Snapshot) -> list[str]:
    """Returns the names of the routes that a key may use, sorted."""
    return [name for name in snapshot.routes if key.may_use(name)]


def usable_names(key: KeyRecord, snapshot: Snapshot) -> str:
    """Returns the first ten models that a key may use and how many more there are, "" where there are none.

    Models are routes to a client. Where the key may use none, single models are named by which it may ask.
    """
    names, where = usable_routes(key, snapshot), " (GET /v1/models lists all)"
    if not names:
        single = (f"{each.provider.name}:{each.model.name}" for each in snapshot.candidates.values())
        names, where = [name for name in single if key.may_use(name)], ""
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {left} more{where}" if left > 0 else "")
