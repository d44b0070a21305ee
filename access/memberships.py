"""Leaving a team: by oneself, or removed by a lead or an owner. The person's keys of the team are revoked with it, so
that none comes back to life should they join again.

A membership that goes in any other way, such as in a shell, ends the keys as well, for as long as it is away.
"""

from __future__ import annotations

import contextlib

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from access import audit, key_actions
from access.models import ClientKey, Membership
from access.permissions import GIVE_RIGHTS, Person, may

REMOVE = "access.delete_membership"


def may_remove(by: Person, membership: Membership) -> bool:
    """Returns whether somebody may remove a person from a team: leads remove members, owners everybody."""
    return may(by, REMOVE, membership) and (membership.role == Membership.Role.MEMBER or may(by, GIVE_RIGHTS))


def keys_of(membership: Membership) -> list[ClientKey]:
    """Returns the person's keys of the team that are not revoked."""
    return list(ClientKey.objects.filter(team=membership.team_id, owner=membership.user_id, revoked_at=None))


def remove(by: User, membership: Membership) -> None:
    """Removes a person from a team. Raises PermissionDenied."""
    if not may_remove(by, membership):
        raise PermissionDenied("Leads remove members of their teams. Only owners remove leads.")
    _end(by, membership)


def leave(membership: Membership) -> None:
    """Takes the person out of the team, by their own wish: that needs nobody's permission."""
    _end(membership.user, membership)


@transaction.atomic
def _end(by: User, membership: Membership) -> None:
    # Nobody makes a key between the look for keys and the end of the membership.
    audit.lock()
    for key in keys_of(membership):
        with contextlib.suppress(key_actions.KeyRefused):
            # Somebody revoked it a moment ago.
            key_actions.revoke(by, key)
    membership.delete()
