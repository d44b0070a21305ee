"""manage.py with a clock that goes back by forty days on SIGUSR1, for this process alone.

Whatever asks for the time of day is given another answer: time.time, the records' datetime, UUIDv7.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime, tzinfo
from types import FrameType
from uuid import UUID

import uuid_utils

STEP = 40 * 86_400.0

_real_time = time.time
_real_uuid7 = uuid_utils.uuid7
_offset = 0.0


def _stepped_time() -> float:
    return _real_time() + _offset


def _stepped_uuid7() -> UUID:
    # The real one with another time in its first 48 bits, which are milliseconds (RFC 9562, 5.7).
    return UUID(int=(int(_stepped_time() * 1000) << 80) | (_real_uuid7().int & ((1 << 80) - 1)))


class _Datetime:
    @staticmethod
    def now(zone: tzinfo) -> datetime:
        return datetime.fromtimestamp(_stepped_time(), zone)


def _step(number: int, frame: FrameType | None) -> None:
    global _offset
    _offset -= STEP


def main() -> None:
    """As manage.py."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    time.time = _stepped_time
    setattr(uuid_utils, "uuid7", _stepped_uuid7)  # noqa: B010
    # Their decoder first, which reads the records' annotations.
    from usage.journal import records, segments  # noqa: F401

    setattr(records, "datetime", _Datetime)  # noqa: B010
    signal.signal(signal.SIGUSR1, _step)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
