"""Whose streams somebody sees: those whose rows they would see (access.roles.scope)."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib.auth.models import User

from access.models import Membership
from access.roles.table import ROLES_OF, Role

_VIEW = "usage.view_requestlog"


class Sight(msgspec.Struct, frozen=True):
    """All streams, or those of the teams `led`, and in the teams `joined` the person's own."""

    everything: bool = False
    led: frozenset[int] = frozenset()
    joined: frozenset[int] = frozenset()
    person_id: int | None = None


def sight_of(person: Any, *, of_site: bool = True) -> Sight | None:
    """Returns what the person sees of all streams now, None for nothing at all. Without `of_site` memberships alone
    count, and somebody without any waits for the first."""
    if not isinstance(person, User) or not person.is_active:
        return None
    if of_site and person.has_perm(_VIEW):
        return Sight(everything=True)
    roles = ROLES_OF[_VIEW]
    teams = dict(Membership.objects.filter(user_id=person.pk).values_list("team_id", "role"))
    led = frozenset(team for team, role in teams.items() if role == Role.LEAD and Role.LEAD in roles)
    joined = frozenset(teams) - led if Role.MEMBER in roles else frozenset()
    sight = Sight(led=led, joined=joined, person_id=person.pk)
    return sight if led or joined or not of_site else None
