"""Converts conditions of claude-code-router 3, on headers and paths into the body, to conditions on facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.foreign.conversion import Conversion
from routing.rules.conditions import ConditionError, parse_conditions

_TEXT = {
    "==": "is",
    "!=": "is_not",
    "starts-with": "starts_with",
    "contains": "contains",
    "contains-deep": "contains",
    "not-contains": "contains_not",
}
_NUMBER = {"==": "is", "!=": "is_not", ">": "more_than", ">=": "at_least", "<": "less_than", "<=": "at_most"}
_TEXTS = {
    "request.body.model": "model",
    "request.body.output_config.effort": "effort",
    "request.sessionId": "session",
    "request.session_id": "session",
    "request.header.user-agent": "user_agent",
}
_NUMBERS = {"request.body.max_tokens": "max_tokens", "request.tokenCount": "tokens", "request.token_count": "tokens"}
_INSIDE = {"image": "images", "document": "documents"}


def read(conversion: Conversion, place: str, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The condition of a rule; None, and noted, where this gateway has none like it."""
    if entry.get("type") == "model-prefix" and entry.get("pattern"):
        return {"field": "model", "operator": "starts_with", "value": str(entry["pattern"])}
    condition = entry.get("condition")
    if not isinstance(condition, dict) or not isinstance(condition.get("left"), str):
        conversion.skip(place, "The rule has no condition.")
        return None
    left, operator, right = condition["left"].strip(), condition.get("operator"), _literal(condition.get("right"))
    found = _condition(left.replace("request.headers.", "request.header."), str(operator), right)
    if found is not None:
        try:
            parse_conditions([found])
        except ConditionError:
            found = None
    if found is None:
        conversion.skip(f"{place}.condition", f"There is no equivalent for the condition {left} {operator} {right}.")
    return found


def _condition(left: str, operator: str, right: Any) -> dict[str, Any] | None:
    if left in _NUMBERS:
        return _condition_on(_NUMBERS[left], _NUMBER.get(operator), right)
    text = right if isinstance(right, str) else json.dumps(right)
    if left == "request.body.stream":
        return _flag("stream", operator, right)
    if left == "request.body.thinking.type" and right in ("enabled", "disabled"):
        return _flag("thinking", operator, right == "enabled")
    if left == "request.body.messages" and operator == "contains-deep" and text in _INSIDE:
        return _flag(_INSIDE[text], "==", True)
    if left == "request.body.tools" and operator in ("contains-deep", "not-contains"):
        if text.startswith("web_search"):
            return _flag("web_search", "==" if operator == "contains-deep" else "!=", True)
        return _condition_on("tools", "has" if operator == "contains-deep" else "has_not", text)
    if left in _TEXTS:
        return _condition_on(_TEXTS[left], _TEXT.get(operator), text)
    for prefix, field in (("request.header.", "header."), ("request.body.metadata.", "metadata.")):
        if left.startswith(prefix):
            return _condition_on(field + left.removeprefix(prefix).lower(), _TEXT.get(operator), text)
    return None


def _condition_on(field: str, operator: str | None, value: Any) -> dict[str, Any] | None:
    return None if operator is None else {"field": field, "operator": operator, "value": value}


def _flag(field: str, operator: str, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, bool) or operator not in ("==", "!="):
        return None
    return {"field": field, "operator": "is", "value": value is (operator == "==")}


def _literal(value: Any) -> Any:
    """A value as claude-code-router reads it: JSON where it is JSON, else the text without its single quotes."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
