"""Reads unchecked values of foreign files: each function returns the type that it names, empty where none fits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

_MAX = 2**31 - 1


def mapping(value: Any) -> dict[str, Any]:
    """The entries of a mapping whose keys are texts."""
    return {key: part for key, part in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The parts of a list."""
    return value if isinstance(value, list) else []


def stripped(value: Any) -> str:
    """A text without surrounding white space."""
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> float:
    """A number above 0, or a text of one; else 0."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return value if 0 < value <= _MAX else 0


def whole_number(value: Any) -> int:
    """A number above 0, rounded down; else 0."""
    return int(number(value))


def dollars(value: Any, times: int = 1) -> Decimal | None:
    """An amount of money times a factor, not below 0; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX:
        return None
    # By way of the shortest text of the float, so that 3e-06 is exactly three millionths.
    return (Decimal(str(value)) * times).quantize(Decimal("0.000001"))
