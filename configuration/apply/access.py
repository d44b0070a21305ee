"""Teams and client keys into rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from access.models import ClientKey, Team
from configuration.apply.context import Task
from configuration.file.schema import KeyEntry, TeamEntry


def apply(task: Task, entries: Sequence[TeamEntry]) -> None:
    """Write the teams and their keys."""
    teams: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("teams", number, f"team {entry.name}")
        task.once(place, teams, entry.name)
        team = Team.objects.filter(name=entry.name).first() or Team(name=entry.name)
        task.put(place, team, entry.name, entry)
        here = {row.name: row for row in ClientKey.objects.filter(team=team)}
        keys: set[Any] = set()
        for index, key in enumerate(entry.keys):
            where = f"{place}.keys[{index}]"
            task.once(where, keys, key.name)
            _key(task, where, team, here.get(key.name), key)


def _key(task: Task, place: str, team: Team, row: ClientKey | None, entry: KeyEntry) -> None:
    name = f"{team.name}: {entry.name}"
    if row is None and entry.hash is UNSET:
        task.ledger.lost.append(f"{place}: the client key {name} has no hash here: make a new one in the admin.")
        return
    if task.complete and row is not None and entry.hash is UNSET:
        # A key's hash has no default to fall back to.
        entry.hash, entry.prefix = row.hash, row.prefix
    task.put(place, row or ClientKey(team=team, name=entry.name), name, entry)
