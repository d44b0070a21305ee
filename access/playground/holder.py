"""Who holds a token of the playground, as the record that requests need; and in which teams somebody may use it.

Each request asks the database, by primary keys: no client key does, and what ends a session or a right ends the token
in the same moment.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.utils import timezone

from access.key_records import record_of, with_owner
from access.keys import AccessDenied, KeyRecord, Keys, NotAuthenticated, NotPermitted, end_of
from access.models import ClientKey, Team
from access.permissions import may
from access.playground.tokens import Claims
from access.sign_in.signed_in import person_of

USE: Final = "access.use_playground"
TAG: Final = "playground"
"""The tag of every request from the playground, in rows and for rules."""

NOT_VALID: Final = NotAuthenticated(
    "The playground's token is not valid, or not any more. Reload the page that sent it, and sign in again."
)
WRONG_ENDPOINT: Final = NotAuthenticated(
    "The playground's token is for POST /v1/messages and POST /v1/messages/count_tokens alone. Send a client key."
)


class SignedIn(KeyRecord, frozen=True, kw_only=True):
    """Whoever holds a token, in the place of a client key that does not exist: its id is negative, its hash empty."""

    claims: Claims


def holder(claims: Claims, keys: Keys) -> SignedIn | AccessDenied:
    """Returns whom a token speaks for, bound by what `keys` knows of budgets and limits; or why it is refused."""
    found = _person_and_team(claims)
    if isinstance(found, AccessDenied):
        return found
    person, team = found
    key = ClientKey(
        id=-(person.pk << 31 | team.pk),
        team=team,
        owner=person,
        name=TAG,
        prefix=TAG,
        tags=TAG,
        allowed_routes=routes_of(person, team),
        shows_routing=may(person, "routing.view_route"),
    )
    # Whoever may do this for all teams need not be a member of one.
    key.owner_is_member = True  # type: ignore[attr-defined]
    assert keys.bindings is not None, "a snapshot's keys have them"
    record = record_of(key, *keys.bindings.of(key))
    return SignedIn(**{name: getattr(record, name) for name in KeyRecord.__struct_fields__}, claims=claims)


def why_ended(claims: Claims) -> AccessDenied | None:
    """Returns why a token that was valid is none any more, whatever its age; None while it would be."""
    found = _person_and_team(claims)
    return found if isinstance(found, AccessDenied) else None


def teams_of(person: User) -> list[Team]:
    """Returns the teams for which somebody may use the playground, their own first."""
    own = list(Team.objects.filter(memberships__user=person, enabled=True))
    own = [team for team in own if may(person, USE, team)]
    if not may(person, USE):
        return own
    return own + list(Team.objects.filter(enabled=True).exclude(pk__in=[team.pk for team in own]))


def _person_and_team(claims: Claims) -> tuple[User, Team] | AccessDenied:
    person = person_of(claims.session)
    if person is None or person.pk != claims.person_id:
        return NOT_VALID
    if not person.is_active:
        return NotPermitted("Your account is disabled. Ask an administrator of this gateway.")
    team = Team.objects.filter(pk=claims.team_id).first()
    if team is None:
        return NotPermitted("This team was deleted. Reload the page and choose another one.")
    if not team.enabled:
        return NotPermitted(f"The team {team.name!r} is disabled. Ask an administrator of this gateway.")
    if not may(person, USE, team):
        return NotPermitted(
            f"You may not, or no longer, use the playground for the team {team.name!r}. Ask one of its leads or an "
            "administrator of this gateway."
        )
    return person, team


def routes_of(person: User, team: Team) -> str:
    """Returns the allow-list of somebody's keys in a team together; empty, for all routes, where one of them has none
    or there is no key, since they may make one that has none."""
    keys = with_owner(ClientKey.objects.filter(team=team, owner=person))
    now = timezone.now().timestamp()
    lists = [key.allowed_routes for key in keys if end_of(record_of(key), now) is None]
    return "\n".join(lists) if all(one.strip() for one in lists) else ""
