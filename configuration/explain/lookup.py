"""The configuration that is explained: the one that is saved, or the one in use where that cannot be loaded."""

from __future__ import annotations

from access.keys import KeyRecord
from configuration.explain.question import ANY_KEY, Unexplainable
from routing.loading import load, revision
from routing.loading.store import store
from routing.snapshot import Snapshot


def saved() -> tuple[Snapshot, str]:
    """The configuration, and a sentence where it is not the one that was saved last. Raises Unexplainable."""
    in_use, numbers = store.current, revision.numbers()
    if in_use is not None and in_use.revisions == numbers:
        return in_use, ""
    try:
        return load.load_snapshot(numbers), ""
    except load.BrokenConfiguration as error:
        if in_use is None:
            raise Unexplainable(f"The configuration cannot be loaded: {error}") from error
        return in_use, f"The configuration saved last is broken, the one before it is in use: {error}"


def keys_of(snapshot: Snapshot) -> list[KeyRecord]:
    """Every client key by team and name."""
    return sorted(snapshot.keys.values(), key=lambda key: (key.team_name.lower(), key.name.lower(), key.id))


def key_of(said: str, snapshot: Snapshot) -> KeyRecord:
    """The key whose name or beginning was said; any key for an empty one. Raises Unexplainable."""
    if not said:
        return ANY_KEY
    found = [key for key in keys_of(snapshot) if key.name == said or key.prefix.startswith(said)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Unexplainable(f"There is no client key {said!r}. Give its name, or how it begins, such as sk-px-1a2b.")
    listed = ", ".join(f"{key.prefix}… ({key.team_name}: {key.name})" for key in found)
    raise Unexplainable(f"Several client keys are called {said!r}: {listed}. Give how it begins.")
