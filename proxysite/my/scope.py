"""What somebody reads at /my/: what `access.roles.scope.visible` lets them see, and of that only their own and their
teams'. An owner of the gateway, who may see everything, sees no more here than anybody with the same memberships."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from access.key_actions import ADD
from access.key_records import with_owner
from access.models import ClientKey, Membership, Team
from access.permissions import may
from access.roles.scope import visible
from usage.models import RequestLog
from usage.rollups.models import DailyRollup

LEAD = Membership.Role.LEAD


def person_of(request: HttpRequest) -> User:
    """Returns who is signed in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def memberships(person: User) -> list[Membership]:
    """Returns a person's memberships, with their teams."""
    own = visible(person, Membership.objects.filter(user=person))
    return list(own.select_related("team").order_by("team__name"))


def teams_for_keys(person: User, memberships: list[Membership]) -> list[Team]:
    """Returns the teams of a person's memberships in which they may make a key of their own."""
    own = [ClientKey(team=one.team, owner=person) for one in memberships]
    return [key.team for key in own if may(person, ADD, key)]


def led_teams(person: User) -> QuerySet[Team]:
    """Returns the teams that a person leads."""
    return visible(person, Team.objects.filter(memberships__user=person, memberships__role=LEAD))


def led_team(person: User, team_id: int) -> Team:
    """Returns a team that a person leads. Raises Http404."""
    return get_object_or_404(led_teams(person), pk=team_id)


def members(person: User, team: Team) -> QuerySet[Membership]:
    """Returns the memberships of a team, leads first."""
    rows = visible(person, Membership.objects.filter(team=team))
    return rows.select_related("user", "team").order_by("role", "user__username")


def own_keys(person: User) -> QuerySet[ClientKey]:
    """Returns a person's own keys, those in force or disabled before revoked ones."""
    return _ordered(visible(person, ClientKey.objects.filter(owner=person)))


def keys_of(person: User, team: Team) -> QuerySet[ClientKey]:
    """Returns the keys of a team."""
    return _ordered(visible(person, ClientKey.objects.filter(team=team)))


def key(person: User, key_id: int) -> ClientKey:
    """Returns a key that is the person's own or of a team that they lead. Raises Http404."""
    near = Q(owner=person) | Q(team__in=led_teams(person).values("pk"))
    return get_object_or_404(with_owner(visible(person, ClientKey.objects.filter(near))), pk=key_id)


def own_requests(person: User, days: int) -> QuerySet[RequestLog]:
    """Returns the requests of a person's own keys in the last days, newest first."""
    return of_owner(visible(person, _recent(days)), person.pk, days)


def requests_of(person: User, team: Team, days: int) -> QuerySet[RequestLog]:
    """Returns the requests of a team's keys in the last days, newest first."""
    return visible(person, _recent(days).filter(team_id=team.pk))


def of_owner(rows: QuerySet[RequestLog], owner_id: int, days: int) -> QuerySet[RequestLog]:
    """Returns those of the last days' requests that one person made, with their keys or from the playground.

    They are found by the keys: requests have no index by owner, and their walk would read those of everybody.
    """
    # Deleted keys, too. A day longer, since a day has begun when the time of now that many days ago comes.
    since = timezone.now() - timedelta(days=days + 1)
    keys = set(ClientKey.objects.filter(owner=owner_id).values_list("pk", flat=True))
    used = DailyRollup.objects.filter(owner_id=owner_id, starts_at__gte=since).order_by()
    used_keys = set(used.values_list("key_id", flat=True).distinct())
    where = Q(key_id__in=sorted(keys | (used_keys - {None})))
    if None in used_keys:
        # From the playground.
        where |= Q(key_id=None)
    return rows.filter(where, owner_id=owner_id)


def _recent(days: int) -> QuerySet[RequestLog]:
    rows = RequestLog.objects.filter(started_at__gte=timezone.now() - timedelta(days=days))
    return rows.order_by("-started_at", "-id")


def request(person: User, row_id: object) -> RequestLog:
    """Returns a request that is the person's own or of a team that they lead. Raises Http404."""
    near = Q(owner_id=person.pk) | Q(team_id__in=list(led_teams(person).values_list("pk", flat=True)))
    return get_object_or_404(visible(person, RequestLog.objects.filter(near)), pk=row_id)


def _ordered(keys: QuerySet[ClientKey]) -> QuerySet[ClientKey]:
    return with_owner(keys).order_by("revoked_at", "team__name", "name")
