"""Which client keys expire soon."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from access.models import ClientKey
from access.outbox.alerts import Finding
from access.outbox.models import Kind

KEYS = "key:"
"""How the `once` of these findings begins."""
_DAYS = (1, 7)
"""How many days before a key expires people learn of it, the last time first."""


def expiring(now: datetime) -> list[Finding]:
    """Returns the keys in force that expire within days. A key that was made to live no longer than that is left out
    until less of its life is left."""
    soon = ClientKey.objects.filter(expires_at__gt=now, expires_at__lte=now + timedelta(days=max(_DAYS)))
    if not soon.exists():
        return []
    rows = soon.filter(revoked_at=None, disabled_at=None, team__enabled=True).select_related("team", "owner")
    return [_finding(key, level) for key in rows if (level := _level(key, now))]


def _level(key: ClientKey, now: datetime) -> int:
    """Returns how near the end is: 2 for a day, 1 for a week, 0 for neither."""
    if key.expires_at is None:
        return 0
    left, life = key.expires_at - now, key.expires_at - key.created_at
    near = (len(_DAYS) - place for place, days in enumerate(_DAYS) if left <= timedelta(days=days) < life)
    return next(near, 0)


def _finding(key: ClientKey, level: int) -> Finding:
    assert key.expires_at is not None
    zone = timezone.get_default_timezone()
    moment = f"{timezone.localtime(key.expires_at, zone):%Y-%m-%d %H:%M} ({settings.TIME_ZONE})"
    whose = "a service key" if key.owner is None else f"of {key.owner.get_username()}"
    return Finding(
        once=f"{KEYS}{key.pk}:{int(key.expires_at.timestamp())}",
        kind=Kind.KEY_EXPIRES,
        subject=f"The client key {key.name!r} of team {key.team} expires on {moment}",
        text=f"The client key {key.name!r} ({key.prefix}…, {whose}) of team {key.team} expires on {moment}. "
        "From then on its requests are refused.\n"
        "Make another key before then and give it to the client, or ask an administrator for a later day.",
        data={
            "key": key.pk,
            "name": key.name,
            "prefix": key.prefix,
            "team": key.team.name,
            "owner": None if key.owner is None else key.owner.get_username(),
            "expires_at": key.expires_at.isoformat(),
        },
        level=level,
        people=() if key.owner_id is None else (key.owner_id,),
        teams=(key.team_id,),
        whose=key.owner_id,
        quiet=0,
    )
