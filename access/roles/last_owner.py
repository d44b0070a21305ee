"""Keeps an owner who can sign in: whatever would take the last one is refused, in a form, a command or a shell.

It looks at every write that Django's ORM makes of users, `queryset.update` included, where the audit sees them.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from access.audit import compilers
from access.audit.rows import Rows

LAST_OWNER = "This is the last owner who can sign in. Make somebody else an owner first."


def refuse_without_owner(*leaving: User) -> None:
    """Raises ValidationError where nobody would be left who is an owner and can sign in. For pages, before a write."""
    present = set(_owners("default").values_list("pk", flat=True))
    gone = {user.pk for user in leaving}
    if present & gone and not present - gone:
        raise ValidationError(LAST_OWNER, code="last_owner")


def watch() -> None:
    """Begins to look at writes; `apps.ready` calls it."""
    compilers.check_writes(User, _check)


def _check(before: Rows, using: str) -> None:
    """Raises ValidationError for a write that took the last owner. The audit's lock lets one write at a time do so."""
    if any(row["is_superuser"] and row["is_active"] for row in before.values()) and not _owners(using).exists():
        raise ValidationError(LAST_OWNER, code="last_owner")


def _owners(using: str) -> QuerySet[User]:
    return User.objects.using(using).filter(is_superuser=True, is_active=True)
