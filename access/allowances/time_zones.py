"""Time zones by their names in the IANA database."""

from __future__ import annotations

import functools
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings


@functools.cache
def names() -> tuple[str, ...]:
    """Returns the names that this machine knows."""
    return tuple(sorted(available_timezones()))


def zone_of(name: str) -> ZoneInfo:
    """Returns the zone of a name, the site's for an empty one and for one that this machine does not know."""
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ValueError, OSError, LookupError):
        return ZoneInfo(settings.TIME_ZONE)
