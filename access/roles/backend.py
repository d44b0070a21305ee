"""Gives people the permissions of their role, computed from the table. Permissions that somebody was given one by one,
or by a group, come from Django's own backend beside it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from access.roles.giving import role_of
from access.roles.table import PERMISSIONS_OF


class RoleBackend(BaseBackend):
    """Permissions of administrators and auditors. Owners are superusers, who have all; leads and members have theirs
    for the objects of their teams alone, so only `access.permissions.may` knows those."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Returns the permissions of the user's role for the whole site."""
        role = role_of(user_obj)
        return set() if role is None or obj is not None else set(PERMISSIONS_OF[role])

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Returns whether the role has any permission of an app."""
        return any(name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj))
