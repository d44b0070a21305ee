"""Whom to ask: the leads of one's team, or the owners of the gateway where there is no other lead."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.contrib.auth.models import User

from access.models import Membership


class Contact(msgspec.Struct, frozen=True):
    """Somebody to ask, with what they are."""

    name: str
    email: str
    role: str


def for_teams(person: User, team_ids: Iterable[int | None]) -> list[Contact]:
    """Returns the leads of these teams who are active, without the person; else the owners."""
    ids = [team_id for team_id in team_ids if team_id is not None]
    leads = Membership.objects.filter(team__in=ids, role=Membership.Role.LEAD, user__is_active=True)
    rows = leads.exclude(user=person).select_related("user", "team").order_by("team__name", "user__username")
    if found := [_contact(row.user, f"lead of {row.team}") for row in rows]:
        return found
    owners = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk).order_by("username")
    return [_contact(owner, "owner of this gateway") for owner in owners]


def _contact(user: User, role: str) -> Contact:
    return Contact(user.get_full_name() or user.get_username(), user.email, role)
