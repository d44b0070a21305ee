"""Reads single values of LiteLLM's tables, which are text in a dump and JSON in an export. Nothing here raises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime

MOST_ITEMS = 500
_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)')
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def text(value: Any, longest: int = 200) -> str:
    """A text as one short line; "" for none."""
    if not isinstance(value, str):
        return ""
    return " ".join(_INVISIBLE.sub(" ", value[: 4 * longest]).split())[:longest]


def flag(value: Any) -> bool:
    """Whether a value is true: t, true, 1."""
    return value is True or (isinstance(value, str) and value.lower() in ("t", "true", "1"))


def items(value: Any) -> list[str]:
    """The texts of a list: JSON's, or PostgreSQL's {a,"b c"}."""
    if isinstance(value, str):
        if value.startswith("{"):
            found = [quoted or plain for quoted, plain in _ITEM.findall(value[1:-1])]
            value = [re.sub(r"\\(.)", r"\1", item).strip() for item in found]
        else:
            value = _json(value)
    if not isinstance(value, list):
        return []
    return [item for item in map(text, value[:MOST_ITEMS]) if item]


def mapping(value: Any) -> Mapping[str, Any]:
    """An object: JSON's, or the text of one."""
    value = _json(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else {}


def moment(value: Any) -> datetime | None:
    """A moment; without an offset it is UTC, as LiteLLM writes it. The end of the calendar stands for never. Raises
    ValueError for what is none."""
    if value in (None, "", "infinity"):
        return None
    found = parse_datetime(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("no moment")
    if found.year == MAXYEAR:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list: JSON's, or the text of one."""
    value = _json(value) if isinstance(value, str) else value
    return [item for item in value[:MOST_ITEMS] if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> Decimal | None:
    """A number, or None for what is none and for one without end."""
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | float) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def amount(value: Any) -> Decimal:
    """A number that is not below 0; else 0."""
    found = number(value)
    return found if found is not None and 0 <= found < 10**12 else Decimal(0)


def is_set(value: Any) -> bool:
    """Whether a value says anything; a number always does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or value not in (None, "", "{}", "[]", "null", "f", "false", False, [], {})


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
