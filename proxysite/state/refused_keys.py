"""Requests with keys that are known and not accepted: they leave no row, and each worker counts them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import msgspec

from proxysite.state.models import Worker

_WHY: Final = {
    "revoked": "the key was revoked",
    "expired": "the key has expired",
    "disabled": "the key is disabled",
    "replaced": "they had the secret from before the rotation",
    "team_disabled": "the team is disabled",
    "owner_disabled": "the key's owner is disabled",
    "owner_left": "the key's owner has left the team",
    "address": "they came from an address that the key is not accepted from",
}
"""By what AccessDenied.of_key has."""


class RefusedRequests(msgspec.Struct, frozen=True):
    """How many requests with one key were refused, in all workers that run, and why the last one was."""

    count: int
    since: datetime
    last: datetime
    why: str


def by_key(key_ids: Collection[int]) -> dict[int, RefusedRequests]:
    """Returns those of some keys; without the keys of which nothing was refused. One query of a row for each worker."""
    found: dict[int, RefusedRequests] = {}
    for counted in Worker.objects.filter(kind=Worker.Kind.GATEWAY).values_list("facts__refused_keys", flat=True):
        for text, (count, since, last, why) in (counted or {}).items():
            if (key_id := int(text)) not in key_ids:
                continue
            one = RefusedRequests(count, _moment(since), _moment(last), _WHY.get(why, why))
            found[key_id] = _both(found[key_id], one) if key_id in found else one
    return found


def _both(one: RefusedRequests, other: RefusedRequests) -> RefusedRequests:
    latest = max(one, other, key=lambda each: each.last)
    return msgspec.structs.replace(latest, count=one.count + other.count, since=min(one.since, other.since))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
