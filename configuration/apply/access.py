"""Writes teams and client keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from access.models import ClientKey, Team
from configuration.apply.context import ImportContext
from configuration.file.schema import KeyEntry, TeamEntry


def write_teams(context: ImportContext, entries: Sequence[TeamEntry]) -> None:
    """Writes the teams and their client keys. Raises ConfigurationError."""
    teams: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("teams", number, f"team {entry.name}")
        context.refuse_duplicate(place, teams, entry.name)
        team = Team.objects.filter(name=entry.name).first() or Team(name=entry.name)
        context.save(place, team, entry.name, entry)
        existing = {row.name: row for row in ClientKey.objects.filter(team=team)}
        keys: set[Any] = set()
        for index, key in enumerate(entry.keys):
            where = f"{place}.keys[{index}]"
            context.refuse_duplicate(where, keys, key.name)
            _write_key(context, where, team, existing.get(key.name), key)


def _write_key(context: ImportContext, place: str, team: Team, row: ClientKey | None, entry: KeyEntry) -> None:
    name = f"{team.name}: {entry.name}"
    if row is None and entry.hash is UNSET:
        context.report.not_carried_over.append(
            f"{place}: Client key {name} has no hash in the file; create a new key in the admin."
        )
        return
    if context.complete and row is not None and entry.hash is UNSET:
        # A key's hash has no default to fall back to.
        entry.hash, entry.prefix = row.hash, row.prefix
    context.save(place, row or ClientKey(team=team, name=entry.name), name, entry)
