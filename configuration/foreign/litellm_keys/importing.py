"""Writes LiteLLM's teams and virtual keys as teams and client keys of this gateway, and reports each line by line.

Repeating an import creates what is new in LiteLLM. A key that is here it only restricts: it disables it, ends it
sooner, or gives one without an owner to its owner. Nobody who was locked out here gets in by it. Budgets and limits it
gives to whoever has none here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from access.audit import lock, record
from access.models import ClientKey, Team
from access.tags import tags_of
from configuration.foreign.litellm_keys.allowed import TEAMS_OWN, RouteNames, within_team
from configuration.foreign.litellm_keys.dump import SESSIONS, Dump
from configuration.foreign.litellm_keys.granting import Granting
from configuration.foreign.litellm_keys.owners import Owners
from configuration.foreign.litellm_keys.records import (
    ForeignKey,
    Refused,
    fitting_tags,
    names_of_teams,
)
from configuration.foreign.litellm_keys.report import KeyReport
from configuration.foreign.litellm_keys.spend import Caller

ORIGIN = "litellm"
"""What ClientKey.imported_from says of an imported key."""
_NO_BUDGET_OF_USER = (
    "LiteLLM counts only keys without a team, and the user has others. A person's budget here binds all of theirs: "
    "set it if that is meant"
)
_NO_BUDGET_IN_TEAM = "here members have the same budget in a team: set it for the key, or for the person in all teams"


def import_keys(path: Path, *, team_name: str, write: bool, less_spent: bool = False) -> KeyReport:
    """Imports the teams and keys of a dump with their budgets and limits; keys without a team go to `team_name`.

    With `less_spent`, a budget in total is what LiteLLM has left of it. All or nothing, and nothing without `write`.
    Raises tables.UnreadableDump."""
    report = KeyReport()
    found = Dump(report)
    found.read(path)
    with transaction.atomic():
        # Keys are read before they are written, and nobody else may write in between.
        lock()
        writer = _Writer(found, report, team_name, less_spent=less_spent)
        writer.write_teams()
        writer.write_keys()
        writer.write_people()
        report.spend = list(found.spend.write(writer.callers(), write=write))
        if write:
            record("client keys imported", changes={"from": ORIGIN})
        else:
            transaction.set_rollback(True)
    return report


class _Writer:
    """Writes what a dump holds."""

    def __init__(self, found: Dump, report: KeyReport, team_name: str, *, less_spent: bool) -> None:
        self._found = found
        self._report = report
        self._routes = RouteNames()
        self._granting = Granting(report, self._routes.models_of, less_spent=less_spent)
        self._owners = Owners(found.users)
        self._here = {team.name: team for team in Team.objects.all()}
        self._default = team_name
        self._teams: dict[str, Team] = {}
        keys = list(ClientKey.objects.select_related("team"))
        self._imported = {key.imported_hash: key for key in keys if key.imported_hash is not None}
        self._secrets = {secret: key for key in keys for secret in (key.hash, key.previous_hash) if secret is not None}
        self._names: set[tuple[int, str]] = {(key.team_id, key.name) for key in keys}

    def write_teams(self) -> None:
        """Creates the teams that are not here yet, by name; a team that is here stays as it is."""
        teams = {identity: found for identity, found in self._found.teams.items() if identity != SESSIONS}
        names = names_of_teams([team for _, team in teams.values()])
        for place, team in teams.values():
            name = names[team.id]
            self._teams[team.id] = self._team(place, name, enabled=not team.blocked)
            if team.left_out:
                self._report.leave_out(f"team {name}", team.left_out)
            self._grant(place, "team", self._teams[team.id].pk, f"team {name}", team.allows)
            whom = f"each member of team {name}"
            self._grant(place, "members_of", self._teams[team.id].pk, whom, {}, team.member_budget)

    def write_keys(self) -> None:
        """Creates or updates the keys."""
        for place, key in self._found.keys.values():
            try:
                self._write_key(place, key)
            except Refused as refused:
                self._report.refuse(place, f"key {key.name}", str(refused))

    def write_people(self) -> None:
        """Writes what users may spend, for those who are here, and reports what else has budgets."""
        with_team = {key.user for _, key in self._found.keys.values() if key.team not in ("", SESSIONS)}
        for user, fields in self._found.users_allow.items():
            if fields.keys() <= {"spend", "budget_duration", "budget_reset_at"}:
                continue
            person = self._owners.person(user)
            if person is None:
                self._report.to_do.append(f"user {user}: has budgets or limits and no account here: invite them first.")
                continue
            why_not = _NO_BUDGET_OF_USER if user in with_team else ""
            self._granting.grant("user", person[0], person[1], fields, without_budgets=why_not)
        for membership in self._found.memberships:
            team = self._found.teams.get(membership.team)
            fields = self._found.budgets.get(membership.budget, {})
            if team is not None and membership.budget != team[1].member_budget and fields:
                self._report.leave_out(f"{membership.user} in team {team[1].name}", [_NO_BUDGET_IN_TEAM])
        for what, names in self._found.others():
            self._report.leave_out(
                f"{what} ({', '.join(names)})", ["they have no budgets here: set one for their keys"]
            )

    def _grant(self, place: str, whom: str, target: int, what: str, own: dict[str, Any], budget: str = "") -> None:
        try:
            own = self._found.with_budget(own, budget)
        except Refused as refused:
            self._report.refuse(place, f"budget of {what}", str(refused))
        self._granting.grant(whom, target, what, own)

    def _team(self, place: str, name: str, *, enabled: bool = True) -> Team:
        team = self._here.get(name)
        if team is None:
            team = self._here[name] = Team.objects.create(name=name, enabled=enabled)
            self._report.add("+", f"team {name}", "" if enabled else "disabled, as it is blocked in LiteLLM")
        else:
            blocked = team.enabled and not enabled
            self._report.add("=", f"team {name}", "blocked in LiteLLM: disable it here too" if blocked else "")
        return team

    def callers(self) -> dict[str, Caller]:
        """Returns whose usage is that of each key of LiteLLM, by hash: also of one that was rotated here or refused."""
        found = {key.hash: caller for _, key in self._found.keys.values() if (caller := self._caller(key)) is not None}
        imported = ClientKey.objects.exclude(imported_hash=None).select_related("team", "owner")
        return found | {str(key.imported_hash): Caller.of(key) for key in imported}

    def _caller(self, key: ForeignKey) -> Caller | None:
        team = self._teams.get(key.team) if key.team else self._here.get(self._default)
        return None if team is None else Caller(team_id=team.pk, team_name=team.name, key_name=key.name)

    def _write_key(self, place: str, key: ForeignKey) -> None:
        if key.team == SESSIONS:
            raise Refused("it belongs to a session of LiteLLM's own pages")
        row = self._imported.get(key.hash)
        if row is None:
            self._create(place, key)
        elif row.hash != key.hash:
            raise Refused("it was rotated here, and its new secret is in use")
        else:
            self._update(row, key)
            self._grant(place, "key", row.pk, f"key {row.name} of {row.team.name}", key.allows, key.budget)

    def _create(self, place: str, key: ForeignKey) -> None:
        if key.expires is not None and key.expires <= timezone.now():
            raise Refused(f"it expired on {key.expires:%Y-%m-%d}")
        if (own := self._secrets.get(key.hash)) is not None:
            raise Refused(f"its secret is that of the client key {own.name} here, which was not imported")
        team = self._team_of(place, key)
        allowed, unknown, impossible = self._allowed(key)
        why_disabled = self._why_disabled(key)
        row = ClientKey.objects.create(
            team=team,
            name=self._free_name(team, key),
            owner_id=self._owners.owner(team.pk, key.user),
            prefix=key.shown,
            hash=key.hash,
            imported_from=ORIGIN,
            imported_hash=key.hash,
            allowed_routes=allowed,
            tags=self._tags(key),
            expires_at=key.expires,
            disabled_at=timezone.now() if why_disabled else None,
        )
        self._report.add("+", f"key {row.name} of {team.name}", why_disabled)
        if beyond := set(key.models) - {*self._models(key), *TEAMS_OWN}:
            self._report.leave_out(f"key {key.name}", [f"models beyond those of its team: {', '.join(sorted(beyond))}"])
        if impossible:
            self._report.leave_out(f"key {key.name}", [f"models with white space: {', '.join(impossible)}"])
        self._notes(key, row, unknown)
        self._grant(place, "key", row.pk, f"key {row.name} of {team.name}", key.allows, key.budget)

    def _why_disabled(self, key: ForeignKey) -> str:
        if self._owners.is_disabled(key.user):
            return "disabled, as its user's account is disabled here"
        return "disabled" if key.blocked else ""

    def _update(self, row: ClientKey, key: ForeignKey) -> None:
        changed = self._restrict(row, key)
        if changed:
            row.save(update_fields=changed)
        notes = [field.removesuffix("_id").replace("_", " ") for field in changed]
        if row.revoked_at is not None or (row.disabled_at is not None and not key.blocked):
            notes.append(f"{'revoked' if row.revoked_at else 'disabled'} here, and stays so")
        if differing := self._differing(row, key):
            notes.append(f"differs from LiteLLM, and stays so: {', '.join(differing)}")
        self._report.add("~" if changed else "=", f"key {row.name} of {row.team.name}", "; ".join(notes))
        self._notes(key, row, [])

    def _restrict(self, row: ClientKey, key: ForeignKey) -> list[str]:
        """Carries over what lets nobody in; returns the fields that it changed."""
        changed = []
        newly = key.blocked and row.disabled_at is None
        if newly:
            row.disabled_at = timezone.now()
            changed.append("disabled_at")
        if key.blocked and row.disabled_by_id is not None and (newly or row.disabled_by_id == row.owner_id):
            # Its owner, who disabled it here, could enable it; an earlier version enables it and leaves who did.
            row.disabled_by = None
            changed.append("disabled_by_id")
        if key.expires is not None and (row.expires_at is None or key.expires < row.expires_at):
            row.expires_at = key.expires
            changed.append("expires_at")
        if row.owner_id is None and (owner := self._owners.owner(row.team_id, key.user)) is not None:
            row.owner_id = owner
            changed.append("owner_id")
        return changed

    def _differing(self, row: ClientKey, key: ForeignKey) -> list[str]:
        """Returns what LiteLLM has otherwise, and what an import leaves alone: it may have been changed here."""
        team = self._teams.get(key.team) if key.team else None
        owner = self._owners.owner(row.team_id, key.user)
        differs = {
            "team": team is not None and team.pk != row.team_id,
            "owner": owner is not None and owner != row.owner_id,
            "routes": set(self._allowed(key)[0].splitlines()) != set(row.allowed_routes.splitlines()),
            "tags": set(tags_of(fitting_tags(key))) != set(tags_of(row.tags)),
            "expiry": row.expires_at is not None and key.expires != row.expires_at,
        }
        return [name for name, is_other in differs.items() if is_other]

    def _team_of(self, place: str, key: ForeignKey) -> Team:
        if not key.team:
            return self._here.get(self._default) or self._team(place, self._default)
        team = self._teams.get(key.team)
        if team is None:
            raise Refused(f"its team {key.team} is not in the dump. Export LiteLLM_TeamTable as well")
        return team

    def _allowed(self, key: ForeignKey) -> tuple[str, list[str], list[str]]:
        return self._routes.allowed(self._models(key))

    def _models(self, key: ForeignKey) -> list[str]:
        found = self._found.teams.get(key.team)
        return within_team(key.models, found[1].models if found is not None else [])

    def _free_name(self, team: Team, key: ForeignKey) -> str:
        name = key.name
        if (team.pk, name) in self._names:
            name = f"{name[:68]} ({key.hash[:8]})"
        if (team.pk, name) in self._names:
            raise Refused("two keys of the team have its name. Give it an alias of its own in LiteLLM")
        self._names.add((team.pk, name))
        return name

    def _tags(self, key: ForeignKey) -> str:
        text = fitting_tags(key)
        if left_out := len(set(key.tags)) - len(tags_of(text)):
            self._report.leave_out(f"key {key.name}", [f"{left_out} of its tags"])
        return text

    def _notes(self, key: ForeignKey, row: ClientKey, unknown: list[str]) -> None:
        if key.left_out:
            self._report.leave_out(f"key {key.name}", key.left_out)
        if unknown:
            self._report.to_do.append(
                f"key {key.name}: no route is called {', '.join(unknown)}: create them or an alias."
            )
        if key.user and row.owner_id is None:
            self._report.service_keys += 1
