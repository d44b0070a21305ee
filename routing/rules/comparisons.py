"""What the operators of conditions mean for each kind of value. A wrong value is named, with what to write instead.

Texts are compared without regard to capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from routing.rules.globs import glob

Kind = Literal["text", "number", "flag", "list", "clock", "version"]
Test = Callable[[Any], bool]


class ConditionError(ValueError):
    """A condition that cannot be used; the text says which and what to write."""


_TEXT: Mapping[str, Callable[[str], Callable[[str], bool]]] = {
    "is": lambda value: lambda text: text.lower() == value,
    "is_not": lambda value: lambda text: text.lower() != value,
    "contains": lambda value: lambda text: value in text.lower(),
    "contains_not": lambda value: lambda text: value not in text.lower(),
    "starts_with": lambda value: lambda text: text.lower().startswith(value),
    "ends_with": lambda value: lambda text: text.lower().endswith(value),
    "matches": lambda value: _glob(value),
}
_COMPARED: Mapping[str, Callable[[Any], Test]] = {
    "is": lambda value: lambda found: bool(found == value),
    "is_not": lambda value: lambda found: bool(found != value),
    "more_than": lambda value: lambda found: bool(found > value),
    "at_least": lambda value: lambda found: bool(found >= value),
    "less_than": lambda value: lambda found: bool(found < value),
    "at_most": lambda value: lambda found: bool(found <= value),
}
OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": (*_TEXT, "in", "not_in"),
    "number": tuple(_COMPARED),
    "flag": ("is",),
    "list": ("has", "has_not"),
    "clock": ("in", "not_in"),
    "version": ("is", "is_not", "at_least", "less_than"),
}
"""The operators of each kind of field."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9})*", re.ASCII)


def comparison(field: str, kind: Kind, operator: str, value: Any) -> Test:
    """The test of what a field holds; `field` is for the error's text. Raises ConditionError."""
    if operator not in OPERATORS[kind]:
        raise ConditionError(f"{field} has no operator {operator!r}. It has: {', '.join(OPERATORS[kind])}.")
    match kind:
        case "flag":
            wanted = _boolean(field, value)
            return lambda found: found is wanted
        case "number":
            return _COMPARED[operator](_number(field, value))
        case "list":
            return _list(operator, frozenset(_texts(field, value)))
        case "clock":
            return _clock(field, operator, value)
        case "version":
            return _version(field, operator, value)
    if operator in ("in", "not_in"):
        values, inside = frozenset(_texts(field, value)), operator == "in"
        return lambda text: (text.lower() in values) is inside
    return _TEXT[operator](_text(field, value))


def _glob(value: str) -> Callable[[str], bool]:
    match = glob(value).fullmatch
    return lambda text: match(text.lower()) is not None


def _list(operator: str, names: frozenset[str]) -> Test:
    if operator == "has":
        return lambda items: any(item.lower() in names for item in items)
    return lambda items: not any(item.lower() in names for item in items)


def _clock(field: str, operator: str, value: Any) -> Test:
    if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
        raise ConditionError(f"{field} wants a span such as 08:00-18:00; one over midnight is written 22:00-06:00.")
    start, _, end = value.partition("-")
    inside = operator == "in"
    if start <= end:
        return lambda clock: (start <= clock < end) is inside
    return lambda clock: (clock >= start or clock < end) is inside


def _version(field: str, operator: str, value: Any) -> Test:
    """A client that tells no version is neither new enough nor too old."""
    if not isinstance(value, str) or _VERSION.fullmatch(value) is None:
        raise ConditionError(f"{field} wants a version in quotes, such as 2.1.330.")
    holds = _COMPARED[operator](_parts(value))
    if operator == "less_than":
        return lambda version: version != "" and holds(_parts(version))
    return lambda version: holds(_parts(version))


def _parts(version: str) -> tuple[int, ...]:
    """2.1 and 2.1.0 are one version; nothing is ()."""
    parts = [int(part) for part in version.split(".")] if version else []
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _boolean(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(f"{field} wants true or false.")
    return value


def _number(field: str, value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"{field} wants a number.")
    return value


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConditionError(f"{field} wants a text in quotes.")
    return value.lower()


def _texts(field: str, value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
        raise ConditionError(f"{field} wants a text, or a list of texts.")
    return [each.lower() for each in values]
