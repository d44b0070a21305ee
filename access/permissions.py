"""Who may do what to whom: the one function that pages and commands ask. Nobody gives, or gets by way of another user,
rights that they do not have."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Model

from access.models import Membership
from access.roles.scope import may_in_team
from access.roles.table import PERMISSIONS_OF, Role

Person = AbstractBaseUser | AnonymousUser

GIVE_RIGHTS = "auth.give_rights"
"""To set a user's role, memberships, groups and permissions."""
MOVE_KEY = "access.move_clientkey"
"""To move a client key to another team, whose usage it is from then on."""
EXPORT = "configuration.export"
"""To export the configuration."""
IMPORT = "configuration.import"
"""To import a file of configuration, which may hold everything that the site has."""

_OWNERS = frozenset(
    {GIVE_RIGHTS, MOVE_KEY, EXPORT, IMPORT}
    | {
        f"{app}.{verb}_{model}"
        for verb in ("add", "change", "delete")
        for app, model in (
            ("auth", "group"),
            ("access", "siterole"),
            ("access", "membership"),
            ("access", "invitation"),
        )
    }
)
"""What owners alone may do on the site, whatever permissions anybody was given. Leads make members of their team."""


def may(person: Person, permission: str, target: Any = None) -> bool:
    """Returns whether `person` may do `permission` (`app.verb_model`) to `target`, or to some object where it is None.

    Without a target it speaks of the whole site: its roles and permissions given one by one count. A target that
    hangs on a team (Team, Membership, Invitation, ClientKey, a usage row; saved or not) may be acted on by that team's
    lead and members too, as `access.roles.table` says; a member acts on their own alone. Ask before you change the
    fields of the target that say whose it is, and again after.
    To act on a user takes, besides the permission, every right of that user: who sets a password can sign in with it.
    """
    if _on_the_site(person, permission, target):
        return True
    return isinstance(target, Model) and may_in_team(person, permission, target)


def _on_the_site(person: Any, permission: str, target: Any) -> bool:
    if not person.has_perm(permission):
        return False
    if permission in _OWNERS:
        # has_perm is True for an active superuser, and also where somebody made a permission of that name.
        return bool(person.is_superuser)
    return not isinstance(target, User) or permission == "auth.view_user" or _has_all_rights_of(person, target)


def _has_all_rights_of(person: Any, other: User) -> bool:
    if person.is_superuser:
        return True
    return not other.is_superuser and _rights(other) <= person.get_all_permissions()


def _rights(user: User) -> set[str]:
    """The permissions a user would have when active and staff, for who may change a user may also make them so; those
    for their teams, too."""
    active = copy.copy(user)
    for cached in ("_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        active.__dict__.pop(cached, None)
    active.is_active = active.is_staff = True
    rights: set[str] = active.get_all_permissions()
    for role in set(Membership.objects.filter(user_id=user.pk).values_list("role", flat=True)):
        rights |= PERMISSIONS_OF[Role(role)]
    return rights
