"""Texts as databases store them: without NUL and cut to their column. On SQLite ids, moments and JSON are texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec


def cutter(longest: int) -> Callable[[str], str]:
    """Returns the function that makes of a text what a column of `longest` characters stores."""

    def cut(text: str) -> str:
        return text.replace("\0", "")[:longest] if text and (len(text) > longest or "\0" in text) else text

    return cut


def without_nul(value: Any) -> Any:
    """Returns a JSON value without the NULs in its texts and keys: PostgreSQL accepts none, not even in JSON."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nul(part) for part in value]
    return value


def sqlite_id(identity: UUID | None) -> str | None:
    """Returns an id as Django stores it on SQLite."""
    return None if identity is None else identity.hex


_minute: tuple[datetime, datetime, list[str]] = (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), [])
"""The first and the last moment of a minute, and how each second of it is written."""


def sqlite_moment(moment: datetime | None) -> str | None:
    """Returns a moment as Django stores it on SQLite."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        return _in_utc(moment)
    # The driver of Python writes a moment anew in 13,000 instructions.
    first, last, seconds = _minute
    if not first <= moment <= last:
        seconds = _new_minute(moment)
    fraction = moment.microsecond
    return f"{seconds[moment.second]}.{fraction:06}" if fraction else seconds[moment.second]


def _new_minute(moment: datetime) -> list[str]:
    global _minute
    first = moment.replace(second=0, microsecond=0)
    seconds = [_in_utc(first.replace(second=second)) for second in range(60)]
    _minute = first, first.replace(second=59, microsecond=999_999), seconds
    return seconds


@lru_cache(maxsize=4096)
def _in_utc(moment: datetime) -> str:
    """Cached, because the rollups of a quarter hour have one moment."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def sqlite_json(value: Any) -> str | None:
    """Returns a JSON value as Django stores it on SQLite."""
    return None if value is None else msgspec.json.encode(value).decode()
