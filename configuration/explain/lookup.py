"""Looks up what a question is about: the configuration, and a client key by its name."""

from __future__ import annotations

from access.keys import KeyRecord
from configuration.explain.question import ANY_KEY, Unexplainable
from routing.loading import load, revision
from routing.loading.store import store
from routing.snapshot import Snapshot


def saved_snapshot() -> tuple[Snapshot, str]:
    """The saved configuration with an empty text, or the one in use with the reason why. Raises Unexplainable."""
    in_use, numbers = store.current, revision.numbers()
    if in_use is not None and in_use.revisions == numbers:
        return in_use, ""
    try:
        return load.load_snapshot(numbers), ""
    except load.BrokenConfiguration as error:
        if in_use is None:
            raise Unexplainable(f"The configuration cannot be loaded: {error}") from error
        return in_use, f"The saved configuration is broken, so the previous one is in use: {error}"


def keys_of(snapshot: Snapshot) -> list[KeyRecord]:
    """Every client key, sorted by team and name."""
    return sorted(snapshot.keys.values(), key=lambda key: (key.team_name.lower(), key.name.lower(), key.id))


def key_of(text: str, snapshot: Snapshot) -> KeyRecord:
    """The key whose name or prefix is given; ANY_KEY for an empty text. Raises Unexplainable."""
    if not text:
        return ANY_KEY
    found = [key for key in keys_of(snapshot) if key.name == text or key.prefix.startswith(text)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Unexplainable(f"There is no client key {text!r}. Give its name or prefix, such as sk-px-1a2b.")
    listed = ", ".join(f"{key.prefix}… ({key.team_name}: {key.name})" for key in found)
    raise Unexplainable(f"Several client keys are named {text!r}: {listed}. Give the prefix.")
