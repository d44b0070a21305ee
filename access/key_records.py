"""Client keys from the database as the records that requests need, and the state of a key in words."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from access.addresses import Network, networks_of
from access.allowances.binding import all_limits
from access.allowances.budgets import BudgetRecord
from access.allowances.limits import LimitRecord
from access.allowances.loading import Budgets
from access.key_format import PREFIX
from access.keys import KeyEnd, KeyRecord, Keys, allowed_pattern, end_of
from access.models import ClientKey, Membership
from access.tags import globs_of, tags_of

STATES = {
    None: "active",
    KeyEnd.REVOKED: "revoked",
    KeyEnd.DISABLED: "disabled",
    KeyEnd.EXPIRED: "expired",
    KeyEnd.TEAM_DISABLED: "team disabled",
    KeyEnd.OWNER_DISABLED: "owner disabled",
    KeyEnd.OWNER_LEFT: "owner left",
}
"""The state of a key in words."""


def with_owner(keys: QuerySet[ClientKey]) -> QuerySet[ClientKey]:
    """Returns keys with their team, their owner and `owner_is_member`, all in one query."""
    membership = Membership.objects.filter(team=OuterRef("team"), user=OuterRef("owner"))
    return keys.select_related("team", "owner").annotate(owner_is_member=Exists(membership))


class Bindings:
    """All budgets and limits in force, from two queries."""

    def __init__(self) -> None:
        self._budgets = Budgets()
        self._limits = all_limits()

    def of(self, key: ClientKey) -> tuple[tuple[BudgetRecord, ...], tuple[LimitRecord, ...]]:
        """Returns what binds a key, whose team and owner are loaded, saved or not."""
        return self._budgets.of(key), self._limits.of(key)


def load_keys() -> Keys:
    """Returns every client key by the hashes of its secrets, with what binds it."""
    rows = list(with_owner(ClientKey.objects.order_by()))
    bindings = Bindings()
    now = timezone.now()
    records = (record for row in rows for record in _records(row, bindings))
    any_format = any(_has_other_format(row, now.timestamp()) for row in rows)
    return Keys(records, any_format=any_format, bindings=bindings)


def state_of(key: ClientKey) -> str:
    """Returns one of STATES."""
    return STATES[end_of(record_of(key), timezone.now().timestamp())]


def is_being_rotated(key: ClientKey) -> bool:
    """Returns whether the secret before the rotation is accepted as well."""
    return key.previous_until is not None and key.previous_until > timezone.now()


def record_of(
    key: ClientKey, budgets: tuple[BudgetRecord, ...] = (), limits: tuple[LimitRecord, ...] = ()
) -> KeyRecord:
    """Returns a key's record, found by its current secret. A query for the owner unless the key is of `with_owner`."""
    return KeyRecord(
        id=key.pk,
        name=key.name,
        prefix=key.prefix,
        hash=key.hash,
        team_id=key.team_id,
        team_name=key.team.name,
        team_enabled=key.team.enabled,
        expires_at=key.expires_at.timestamp() if key.expires_at else None,
        revoked=key.revoked_at is not None,
        disabled=key.disabled_at is not None,
        allowed_routes=allowed_pattern(key.allowed_routes),
        networks=_networks(key.allowed_networks),
        shows_routing=key.shows_routing,
        tags=tags_of(key.tags),
        client_tags=globs_of(key.client_tags),
        client_tags_count=key.client_tags_count,
        owner_id=key.owner_id,
        owner_name=key.owner.username if key.owner is not None else "",
        owner_end=_owner_end(key),
        budgets=budgets,
        limits=limits,
    )


def _records(key: ClientKey, bindings: Bindings) -> Iterator[KeyRecord]:
    record = record_of(key, *bindings.of(key))
    yield record
    if key.previous_hash and key.previous_until is not None:
        until = key.previous_until.timestamp()
        yield msgspec.structs.replace(record, hash=key.previous_hash, prefix=key.previous_prefix, replaced_at=until)


def _owner_end(key: ClientKey) -> KeyEnd | None:
    if key.owner is None:
        return None
    if not key.owner.is_active:
        return KeyEnd.OWNER_DISABLED
    known: bool | None = getattr(key, "owner_is_member", None)
    if known is None:
        known = Membership.objects.filter(team=key.team_id, user=key.owner_id).exists()
    return None if known else KeyEnd.OWNER_LEFT


def _has_other_format(key: ClientKey, now: float) -> bool:
    """Whether a secret of the key may look like anything, because another gateway made it."""
    if key.previous_hash is None:
        return bool(key.imported_from) or not key.prefix.startswith(PREFIX)
    if key.previous_until is None or key.previous_until.timestamp() <= now:
        return False
    return bool(key.imported_from) or not key.previous_prefix.startswith(PREFIX)


def _networks(lines: str) -> tuple[Network, ...] | None:
    if not lines.strip():
        return None
    try:
        return networks_of(lines)
    except ValueError:
        # No form writes such lines. Nobody may use the key until they are mended.
        return ()
