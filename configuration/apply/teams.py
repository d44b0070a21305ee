"""Writes people, teams, their members and their client keys. Raises ConfigurationError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from msgspec import UNSET

from access.models import ClientKey, Membership, Team
from access.roles.giving import given_role, set_role
from configuration.apply.budgets import write_budgets
from configuration.apply.context import ImportContext
from configuration.apply.limits import write_limits
from configuration.file.schema import Given, KeyEntry, PersonEntry, TeamEntry

_OF_SECRETS = (
    *("hash", "prefix", "imported_from", "imported_hash"),
    *("previous_hash", "previous_prefix", "previous_until"),
)
"""Fields of a key that have no default to fall back to."""


def write_people(context: ImportContext, entries: Given[Sequence[PersonEntry]]) -> None:
    """Creates the accounts that are missing, with their roles and without a password; those that exist stay as they
    are, but for their limits and budgets."""
    if entries is UNSET:
        return
    seen: set[Any] = set()
    existing = {user.username: user for user in User.objects.select_related("site_role")}
    for number, entry in enumerate(entries):
        place = context.place("people", number, f"person {entry.username}")
        context.refuse_duplicate(place, seen, entry.username)
        if entry.username in existing:
            if entry.role is not UNSET and entry.role != given_role(existing[entry.username]):
                context.report.to_do.append(
                    f"The account {entry.username} has another role here than {entry.role}: "
                    f"`./gateway set_role {entry.username} {entry.role}` gives it."
                )
            write_limits(context, f"{place}.limits", "user", existing[entry.username], entry.limits)
            write_budgets(context, f"{place}.budgets", "user", existing[entry.username], entry.budgets)
            continue
        user = User(username=entry.username)
        user.set_unusable_password()
        names = ("email", "first_name", "last_name", "is_active")
        values = {name: value for name in names if (value := getattr(entry, name)) is not UNSET}
        context.report.save(place, user, entry.username, {"username": entry.username, **values})
        if entry.role is not UNSET:
            set_role(user, entry.role)
        write_limits(context, f"{place}.limits", "user", user, entry.limits)
        write_budgets(context, f"{place}.budgets", "user", user, entry.budgets)
        context.report.to_do.append(
            f"The account {entry.username} has no password: set one with `./gateway changepassword {entry.username}` "
            "or by a password reset."
        )


def write_teams(context: ImportContext, entries: Sequence[TeamEntry]) -> None:
    """Writes the teams, their members and their client keys."""
    teams: set[Any] = set()
    of_name = {team.name: team for team in Team.objects.all()} if entries else {}
    for number, entry in enumerate(entries):
        place = context.place("teams", number, f"team {entry.name}")
        context.refuse_duplicate(place, teams, entry.name)
        team = of_name.get(entry.name) or Team(name=entry.name)
        context.save(place, team, entry.name, entry)
        write_limits(context, f"{place}.limits", "team", team, entry.limits)
        write_limits(context, f"{place}.member_limits", "members_of", team, entry.member_limits)
        write_budgets(context, f"{place}.budgets", "team", team, entry.budgets)
        write_budgets(context, f"{place}.member_budgets", "members_of", team, entry.member_budgets)
        _write_members(context, place, team, entry)
        rows = ClientKey.objects.filter(team=team).select_related("owner", "disabled_by")
        existing = {row.name: row for row in rows} if entry.keys else {}
        keys: set[Any] = set()
        for index, key in enumerate(entry.keys):
            where = f"{place}.keys[{index}]"
            context.refuse_duplicate(where, keys, key.name)
            _write_key(context, where, team, existing.get(key.name), key)


def _write_members(context: ImportContext, place: str, team: Team, entry: TeamEntry) -> None:
    existing = {row.user_id: row for row in Membership.objects.filter(team=team)} if entry.members else {}
    members: set[Any] = set()
    for index, member in enumerate(entry.members):
        where = f"{place}.members[{index}]"
        context.refuse_duplicate(where, members, member.user)
        user = context.person(f"{where}.user", member.user)
        row = existing.get(user.pk) or Membership(team=team, user=user)
        context.save(where, row, f"{member.user} in {team.name}", member)


def _write_key(context: ImportContext, place: str, team: Team, row: ClientKey | None, entry: KeyEntry) -> None:
    name = f"{team.name}: {entry.name}"
    if row is None and entry.hash is UNSET:
        context.report.not_carried_over.append(
            f"{place}: Client key {name} has no hash in the file; create a new key in the admin."
        )
        return
    if context.complete and row is not None and entry.hash is UNSET:
        for field in _OF_SECRETS:
            setattr(entry, field, getattr(row, field))
    if row is not None and row.revoked_at is not None and not entry.revoked_at:
        entry.revoked_at = row.revoked_at
        context.report.to_do.append(
            f"Client key {name} is revoked here and stays so. Create a new one where one is needed."
        )
    if entry.imported_hash is UNSET:
        entry.imported_hash = _imported_hash(row, entry)
    related: dict[str, Any] = {}
    if isinstance(entry.owner, str):
        related["owner"] = context.person(f"{place}.owner", entry.owner)
    elif entry.owner is None or (context.complete and context.names_people):
        related["owner"] = None
    row = row or ClientKey(team=team, name=entry.name)
    if isinstance(entry.disabled_by, str):
        related["disabled_by"] = context.person(f"{place}.disabled_by", entry.disabled_by)
    elif entry.disabled_by is None or _disables_otherwise(context, row, entry):
        related["disabled_by"] = None
    context.save(place, row, name, entry, **related)
    write_limits(context, f"{place}.limits", "key", row, entry.limits)
    write_budgets(context, f"{place}.budgets", "key", row, entry.budgets)


def _disables_otherwise(context: ImportContext, row: ClientKey, entry: KeyEntry) -> bool:
    """Whether the import disables or enables the key, which nobody else did then."""
    if entry.disabled_at is UNSET or (context.complete and context.names_people):
        return context.complete
    return entry.disabled_at != row.disabled_at


def _imported_hash(row: ClientKey | None, entry: KeyEntry) -> Given[str | None]:
    """Returns that of a key whose entry names none: no file makes a gateway forget it, and files of earlier versions
    have none."""
    if row is not None and row.imported_hash is not None:
        return row.imported_hash
    if entry.imported_from is UNSET or not entry.imported_from:
        return UNSET
    return entry.previous_hash or entry.hash
