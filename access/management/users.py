"""The user that a command is about."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management.base import CommandError


def named(name: str, *, active: bool = False) -> User:
    """Returns the user of a name. Raises CommandError where there is none, and with `active` for one that is not."""
    person = User.objects.filter(username=name).first()
    if person is None:
        near = User.objects.filter(username__iexact=name).values_list("username", flat=True).first()
        hint = f"Did you mean {near}?" if near else "`./gateway createsuperuser` makes an owner."
        raise CommandError(f"There is no user {name!r}. {hint}")
    if active and not person.is_active:
        raise CommandError(f"{person} is not active, so a new password would let nobody in. Activate the user first.")
    return person
