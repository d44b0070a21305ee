"""Texts as databases store them: without NUL and cut to their column. On SQLite ids, moments and JSON are texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
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


def sqlite_moment(moment: datetime | None) -> str | None:
    """Returns a moment as Django stores it on SQLite."""
    if moment is None:
        return None
    # Without the offset, which is +00:00.
    return str(moment if moment.tzinfo is UTC else moment.astimezone(UTC))[:-6]


def sqlite_json(value: Any) -> str | None:
    """Returns a JSON value as Django stores it on SQLite."""
    return None if value is None else msgspec.json.encode(value).decode()
