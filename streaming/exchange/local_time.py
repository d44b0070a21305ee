"""The site's local time as rules and usage rows have it. It is made once a minute: for each request it cost 0.1 ms."""

from __future__ import annotations

import math
import time
from datetime import datetime, tzinfo
from typing import Final

import msgspec
from django.utils.timezone import get_default_timezone

from routing.facts.request_facts import NEVER, Moment

_MINUTE: Final = 60.0


class _Minute(msgspec.Struct, frozen=True):
    """One minute of a zone, from `begins` on in POSIX seconds."""

    begins: float
    zone: tzinfo | None
    moment: Moment


_latest = _Minute(-math.inf, None, NEVER)


def present() -> Moment:
    """Returns the present minute."""
    global _latest
    now, zone, latest = time.time(), get_default_timezone(), _latest
    if not 0.0 <= now - latest.begins < _MINUTE or latest.zone is not zone:
        # Zones differ by whole minutes, and change at one.
        begins = now // _MINUTE * _MINUTE
        _latest = latest = _Minute(begins, zone, Moment.of(datetime.fromtimestamp(begins, zone)))
    return latest.moment
