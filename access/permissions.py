"""Who may do what to whom: the one function that pages and commands ask. Nobody gives, or gets by way of another user,
rights that they do not have."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

Person = AbstractBaseUser | AnonymousUser

GIVE_RIGHTS = "auth.give_rights"
"""To set a user's superuser status, groups and permissions."""
MOVE_KEY = "access.move_clientkey"
"""To move a client key to another team, whose usage it is from then on."""

_OWNERS = frozenset({GIVE_RIGHTS, MOVE_KEY, "auth.add_group", "auth.change_group", "auth.delete_group"})
"""What superusers alone may do, whatever permissions anybody was given."""


def may(person: Person, permission: str, target: Any = None) -> bool:
    """Returns whether `person` may do `permission` (`app.verb_model`) to `target`, or to some object where it is None.

    To act on a user takes, besides the permission, every right of that user: who sets a password can sign in with it.
    """
    if not person.has_perm(permission):  # type: ignore[union-attr]
        return False
    if permission in _OWNERS:
        # has_perm is True for an active superuser, and also where somebody made a permission of that name.
        return bool(person.is_superuser)  # type: ignore[union-attr]
    return not isinstance(target, User) or permission == "auth.view_user" or _has_all_rights_of(person, target)


def _has_all_rights_of(person: Any, other: User) -> bool:
    if person.is_superuser:
        return True
    return not other.is_superuser and _rights(other) <= person.get_all_permissions()


def _rights(user: User) -> set[str]:
    """The permissions a user would have when active: who may change a user may also activate them."""
    active = copy.copy(user)
    for cached in ("_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        active.__dict__.pop(cached, None)
    active.is_active = True
    return active.get_all_permissions()
