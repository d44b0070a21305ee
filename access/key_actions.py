"""What people do with client keys: create, rotate, disable, enable, revoke and delete them, for pages and commands.

Every function asks `may` for the person and changes the row under a lock. It raises PermissionDenied, or KeyRefused
with a sentence for the page. The change holds in every worker within a second.

A lead ends the keys of the team's members, but gets no secret of theirs: with it, requests would be made in their name.
A member enables what they disabled themselves; what another disabled, a lead of the team does or who may change all
keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from access import audit
from access.keys import NewKey, new_key
from access.models import ClientKey, Membership
from access.permissions import Person, may
from access.roles.giving import team_role
from access.roles.table import Role

ADD, CHANGE, DELETE = "access.add_clientkey", "access.change_clientkey", "access.delete_clientkey"

OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation is accepted as well, where the person chooses nothing else."""
LONGEST_OVERLAP = timedelta(days=90)


class Action(StrEnum):
    """What can be done with an existing key, by the name of its function here."""

    ROTATE = "rotate"
    DISABLE = "disable"
    ENABLE = "enable"
    REVOKE = "revoke"
    DELETE = "delete"


class KeyRefused(Exception):
    """The key's state does not allow an action; `message` says what to do instead."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def actions(person: Person, key: ClientKey) -> list[Action]:
    """Returns what the person may do with a key in its present state, for the buttons of a page."""
    return [action for action in Action if not why_not(action, key, person) and _may(person, action, key)]


def create(person: Person, key: ClientKey) -> NewKey:
    """Saves a new key, whose fields are set but for its secret, and returns the secret: show it once.

    Raises KeyRefused if the owner is no active member of the team.
    """
    new = new_key()
    key.prefix, key.hash = new.prefix, new.hash
    with transaction.atomic():
        # Nobody leaves the team between the question and the key.
        audit.lock()
        if not (may(person, ADD, key) and _may_have_secret(person, ADD, key)):
            raise PermissionDenied(f"You may not create client keys for the team {key.team}.")
        if (error := owner_error(key)) is not None:
            raise KeyRefused(error)
        key.save(force_insert=True)
    return new


def rotate(person: Person, key: ClientKey, overlap: timedelta = OVERLAP) -> NewKey:
    """Gives a key a new secret and returns it: show it once. The one before is accepted for `overlap` as well.

    The key stays the same in all reports. Of a key that is already being rotated, the oldest secret ends at once.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise KeyRefused(f"Choose an overlap from 0 to {LONGEST_OVERLAP.days} days.")
    new = new_key()

    def change(row: ClientKey) -> None:
        if row.previous_hash is not None:
            # Neither of the two secrets is the imported one any more.
            row.imported_from = ""
        row.previous_prefix, row.previous_hash = row.prefix, row.hash
        row.previous_until = timezone.now() + overlap
        row.prefix, row.hash = new.prefix, new.hash

    _changed(person, key, Action.ROTATE, change)
    return new


def disable(person: Person, key: ClientKey) -> None:
    """Ends a key until `enable`. Of one that its owner disabled, it takes from them to enable it."""

    def change(row: ClientKey) -> None:
        row.disabled_at = row.disabled_at or timezone.now()
        row.disabled_by = person if isinstance(person, User) else None

    _changed(person, key, Action.DISABLE, change)


def enable(person: Person, key: ClientKey) -> None:
    """Puts a disabled key in force again."""

    def change(row: ClientKey) -> None:
        row.disabled_at = row.disabled_by = None

    _changed(person, key, Action.ENABLE, change)


def revoke(person: Person, key: ClientKey) -> None:
    """Ends a key for good."""

    def change(row: ClientKey) -> None:
        row.revoked_at = timezone.now()

    _changed(person, key, Action.REVOKE, change)


def delete(person: Person, key: ClientKey) -> None:
    """Deletes a key that is disabled or revoked. Its usage stays in all reports."""
    with transaction.atomic():
        _locked(person, key, Action.DELETE).delete()


def owner_error(key: ClientKey) -> str | None:
    """Returns why a key may not have its owner, None if it may or has none."""
    if key.owner is None:
        return None
    if not key.owner.is_active:
        return f"{key.owner} is disabled. Choose an active member of the team, or nobody for a service key."
    if not Membership.objects.filter(team=key.team_id, user=key.owner_id).exists():
        return f"{key.owner} is not a member of the team {key.team}. Choose one of its members, or nobody."
    return None


def why_not(action: Action, key: ClientKey, person: Person | None = None) -> str:
    """Returns why the key's state does not allow an action, to `person` where it is given; empty if it does."""
    if action is Action.DELETE:
        ended = key.revoked_at is not None or key.disabled_at is not None
        return "" if ended else f"Disable or revoke {key} first: a deleted key cannot come back."
    if key.revoked_at is not None:
        return f"{key} is revoked, which cannot be undone. Create a new key."
    if action is Action.DISABLE and key.disabled_at is not None:
        return "" if person is not None and _overrules(person, key) else f"{key} is already disabled."
    if action is Action.ENABLE and key.disabled_at is None:
        return f"{key} is not disabled."
    if action is Action.ENABLE and person is not None and not _may_enable(person, key):
        return (
            f"{key} was not disabled by you. Ask a lead of the team {key.team} or an administrator of this gateway to "
            "enable it."
        )
    return ""


def _may_enable(person: Person, key: ClientKey) -> bool:
    return key.disabled_by_id == person.pk or _manages(person, key)


def _overrules(person: Person, key: ClientKey) -> bool:
    """Whether the owner of a key that is disabled could enable it, and the person can prevent it."""
    by_owner = key.owner_id is not None and key.disabled_by_id == key.owner_id != person.pk
    return by_owner and _manages(person, key)


def _manages(person: Person, key: ClientKey) -> bool:
    """Returns whether the person is a lead of the key's team or may change every key."""
    return may(person, CHANGE) or team_role(person, key.team_id) is Role.LEAD


def _changed(person: Person, key: ClientKey, action: Action, change: Callable[[ClientKey], None]) -> None:
    with transaction.atomic():
        row = _locked(person, key, action)
        change(row)
        row.save()
    key.refresh_from_db()


def _locked(person: Person, key: ClientKey, action: Action) -> ClientKey:
    audit.lock()
    row = ClientKey.objects.select_for_update(of=("self",)).select_related("team").get(pk=key.pk)
    if not _may(person, action, row):
        raise PermissionDenied(f"You may not {action} the client key {row}.")
    if refused := why_not(action, row, person):
        raise KeyRefused(refused)
    return row


def _may(person: Person, action: Action, key: ClientKey) -> bool:
    permission = DELETE if action is Action.DELETE else CHANGE
    return may(person, permission, key) and (action is not Action.ROTATE or _may_have_secret(person, permission, key))


def _may_have_secret(person: Person, permission: str, key: ClientKey) -> bool:
    """Returns whether the person may have the secret of a key. Of somebody else's it takes the right for all keys."""
    return key.owner_id in (None, person.pk) or may(person, permission)
