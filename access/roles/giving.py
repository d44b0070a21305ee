"""Who has which role, and giving one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from access.models import Membership, SiteRole
from access.roles.table import Role


def role_of(person: Any) -> Role | None:
    """Returns the person's role for the whole site: owner, administrator or auditor; None for everybody else, for
    whoever is not active, and for an administrator or auditor without staff status."""
    role = given_role(person) if person.is_active else None
    return role if role is Role.OWNER or getattr(person, "is_staff", False) else None


def given_role(person: Any) -> Role | None:
    """Returns the role that somebody was given for the whole site, in force or not."""
    if person.is_superuser:
        return Role.OWNER
    given = getattr(person, "site_role", None)
    return None if given is None else Role(given.role)


def team_role(person: Any, team_id: int | None) -> Role | None:
    """Returns the person's role in a team: lead, member or None."""
    if team_id is None or not person.is_active or person.pk is None:
        return None
    found = Membership.objects.filter(team_id=team_id, user_id=person.pk).values_list("role", flat=True).first()
    return None if found is None else Role(found)


@transaction.atomic
def set_role(user: User, role: Role | str | None) -> None:
    """Gives a user a role for the whole site in place of the one that they have; None takes it away.

    It sets staff and superuser status with the role. Whoever has no role any more stays staff only with permissions of
    their own ("advanced"). Memberships stay. It asks nobody's permission: `may(person, GIVE_RIGHTS)` is the caller's.
    Raises ValidationError for the last owner, ValueError for a role that is a team's.
    """
    wanted = None if role is None else Role(role)
    if wanted in (Role.LEAD, Role.MEMBER):
        raise ValueError(f"{wanted} is a role in a team: make a membership")
    had_role = user.is_superuser or SiteRole.objects.filter(user_id=user.pk).exists()
    user.is_superuser = wanted is Role.OWNER
    if wanted is not None:
        user.is_staff = True
    elif had_role:
        user.is_staff = user.user_permissions.exists() or user.groups.exists()
    user.save(update_fields=["is_superuser", "is_staff"])
    if wanted in (Role.ADMINISTRATOR, Role.AUDITOR):
        SiteRole.objects.update_or_create(user=user, defaults={"role": wanted.value})
    else:
        SiteRole.objects.filter(user_id=user.pk).delete()
    for cached in ("_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        user.__dict__.pop(cached, None)
    user._state.fields_cache.pop("site_role", None)
