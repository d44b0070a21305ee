"""LiteLLM's teams, users and virtual keys as far as an import needs them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from access.tags import why_invalid
from configuration.foreign.litellm_keys import allowances
from configuration.foreign.litellm_keys.values import flag, is_set, items, mapping, moment, text

_HASH = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 80
_OTHERS = ("aliases", "config", "router_settings", "permissions", "allowed_routes", "policies", "object_permission_id")


class Refused(Exception):
    """A row that is not imported: why, and what to do."""


class ForeignTeam(msgspec.Struct, frozen=True):
    """A team; `left_out` names its settings that have no place here, `allows` has its budgets and limits.
    `member_budget` is the id of the budget that each member has in it."""

    id: str
    name: str
    blocked: bool
    models: list[str]
    left_out: list[str]
    allows: dict[str, Any]
    member_budget: str


class ForeignKey(msgspec.Struct, frozen=True):
    """A virtual key. `hash` is of its secret, which is in no table; `shown` is what LiteLLM shows of it; `budget` is
    the id of a budget that says what `allows` does not."""

    hash: str
    shown: str
    name: str
    team: str
    user: str
    expires: datetime | None
    blocked: bool
    models: list[str]
    tags: list[str]
    left_out: list[str]
    allows: dict[str, Any]
    budget: str


def team_of(row: Mapping[str, Any]) -> ForeignTeam:
    """Reads a row of LiteLLM_TeamTable. Raises Refused."""
    identity = text(row.get("team_id"))
    if not identity:
        raise Refused("the team has no team_id")
    name = text(row.get("team_alias"), _LONGEST_NAME) or identity[:_LONGEST_NAME]
    return ForeignTeam(
        id=identity,
        name=name,
        blocked=flag(row.get("blocked")),
        models=items(row.get("models")),
        left_out=_left_out(row),
        allows=allowances.fields_of(row),
        member_budget=text(mapping(row.get("metadata")).get("team_member_budget_id")),
    )


def names_of_teams(teams: Sequence[ForeignTeam]) -> dict[str, str]:
    """Returns a name for each team, by its id, that no other has: with as much of the id as that takes."""
    names = {team.id: team.name for team in teams}
    for length in (8, _LONGEST_NAME - 3):
        count = Counter(names.values())
        for team in teams:
            if count[names[team.id]] > 1:
                suffix = f" ({team.id[:length]})"
                names[team.id] = team.name[: _LONGEST_NAME - len(suffix)] + suffix
    return names


def names_of_user(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Reads a row of LiteLLM_UserTable: the id, and the names under which the person may be known here."""
    identity = text(row.get("user_id"))
    names = [text(row.get(field), 254) for field in ("user_email", "user_alias", "sso_user_id")]
    return identity, [name for name in (*names, identity) if name]


def key_of(row: Mapping[str, Any]) -> ForeignKey:
    """Reads a row of LiteLLM_VerificationToken. Raises Refused."""
    token = row.get("token")
    if not isinstance(token, str) or _HASH.fullmatch(token.strip().lower()) is None:
        raise Refused("its token is no SHA-256: LiteLLM would not accept it either. Give the client a new key")
    try:
        expires = moment(row.get("expires"))
    except ValueError:
        raise Refused("its expiry is no moment. Give the client a new key") from None
    token = token.strip().lower()
    shown = text(row.get("key_name"), 16)
    return ForeignKey(
        hash=token,
        shown=shown if shown.startswith("sk-") else "sk-",
        name=text(row.get("key_alias"), _LONGEST_NAME) or f"LiteLLM key {token[:8]}",
        team=text(row.get("team_id")),
        user=text(row.get("user_id")),
        expires=expires,
        blocked=flag(row.get("blocked")),
        models=items(row.get("models")),
        tags=items(mapping(row.get("metadata")).get("tags")),
        left_out=_left_out(row),
        allows=allowances.fields_of(row),
        budget=text(row.get("budget_id")),
    )


def fitting_tags(key: ForeignKey) -> str:
    """Returns the tags of a key that a client key here may have."""
    fitting = [tag for tag in dict.fromkeys(key.tags) if "," not in tag and not why_invalid([tag])]
    while len(joined := ", ".join(fitting)) > 200:
        fitting.pop()
    return joined


def _left_out(row: Mapping[str, Any]) -> list[str]:
    return [name for name in _OTHERS if is_set(row.get(name))]
