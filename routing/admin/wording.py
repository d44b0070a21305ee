"""Conditions in words, for the admin's lists and its condition editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from routing.rules.conditions import FIELDS, OPERATORS, Condition, ConditionError, field_of

OPERATOR_WORDS = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "contains_not": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "in": "is one of",
    "not_in": "is none of",
    "more_than": "more than",
    "at_least": "at least",
    "less_than": "less than",
    "at_most": "at most",
    "has": "include",
    "has_not": "do not include",
}
_BETWEEN = {"in": "is between", "not_in": "is not between"}
_SUGGESTED: dict[str, tuple[str, ...]] = {
    "effort": ("low", "medium", "high", "xhigh", "max"),
    "client": ("claude-code", "sdk-python", "sdk-typescript", "sdk", "curl"),
    "request_class": ("main", "subagent", "auxiliary", "compaction"),
    "weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
}
"""Common values of a field, suggested while typing."""


def in_words(conditions: Sequence[Condition], match: str) -> str:
    """Returns all conditions of a rule as one line."""
    if not conditions:
        return "always"
    return (" or " if match == "any" else " and ").join(map(_worded, conditions))


def editor() -> dict[str, Any]:
    """Returns the data of the condition editor: fields with kinds and meanings, and operators in words."""
    fields = {
        name: {"kind": field.kind, "meaning": field.meaning, "usual": _SUGGESTED.get(name, ())}
        for name, field in FIELDS.items()
    }
    for place, meaning in (("header.", "a header of the request"), ("metadata.", "a field of the request's metadata")):
        fields[place] = {"kind": "text", "meaning": meaning, "usual": ()}
    return {
        "fields": fields,
        "operators": {
            kind: [[name, _operator(kind, name)] for name in operators] for kind, operators in OPERATORS.items()
        },
    }


def _operator(kind: str, name: str) -> str:
    return _BETWEEN.get(name, OPERATOR_WORDS[name]) if kind == "clock" else OPERATOR_WORDS[name]


def _worded(condition: Condition) -> str:
    try:
        kind = field_of(condition.field).kind
    except ConditionError:
        return f"{condition.field}?"
    name, value = condition.field.replace("_", " "), condition.value
    if kind == "flag":
        return name if value is True else f"no {name}"
    if kind == "clock" and isinstance(value, str):
        return f"{name} {_operator(kind, condition.operator)} {value.replace('-', ' and ')}"
    words = OPERATOR_WORDS.get(condition.operator, condition.operator)
    return f"{name} {words} {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(map(_shown, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value) or "“”"
