"""Values of files that nobody checked: of the shape that is asked for, or an empty one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

_MOST = 2**31 - 1


def mapping(value: Any) -> dict[str, Any]:
    """A mapping with names for keys."""
    return {key: part for key, part in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list."""
    return value if isinstance(value, list) else []


def word(value: Any) -> str:
    """A text without white space around it."""
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> float:
    """A number above 0, also where it is written as a text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return value if 0 < value <= _MOST else 0


def whole(value: Any) -> int:
    """A whole number above 0."""
    return int(number(value))


def dollars(value: Any, times: int = 1) -> Decimal | None:
    """An amount of money, not below 0; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        return None
    # By the shortest text of a number, so that 3e-06 is three millionths and not nearly so.
    return (Decimal(str(value)) * times).quantize(Decimal("0.000001"))
