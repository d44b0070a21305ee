"""A condition of claude-code-router 3, on a header or a path into the body, as one on the facts that there are here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.foreign.conversion import Draft
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


def read(draft: Draft, place: str, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The condition of a rule as one of ours; None, and noted, where there is none like it."""
    if entry.get("type") == "model-prefix" and entry.get("pattern"):
        return {"field": "model", "operator": "starts_with", "value": str(entry["pattern"])}
    condition = entry.get("condition")
    if not isinstance(condition, dict) or not isinstance(condition.get("left"), str):
        draft.lose(place, "it has no condition.")
        return None
    left, operator, right = condition["left"].strip(), condition.get("operator"), _literal(condition.get("right"))
    found = _condition(left.replace("request.headers.", "request.header."), str(operator), right)
    if found is not None:
        try:
            parse_conditions([found])
        except ConditionError:
            found = None
    if found is None:
        draft.lose(f"{place}.condition", f"there is no condition like {left} {operator} {right} here.")
    return found


def _condition(left: str, operator: str, right: Any) -> dict[str, Any] | None:
    if left in _NUMBERS:
        return _made(_NUMBERS[left], _NUMBER.get(operator), right)
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
        return _made("tools", "has" if operator == "contains-deep" else "has_not", text)
    if left in _TEXTS:
        return _made(_TEXTS[left], _TEXT.get(operator), text)
    for begin, ours in (("request.header.", "header."), ("request.body.metadata.", "metadata.")):
        if left.startswith(begin):
            return _made(ours + left.removeprefix(begin).lower(), _TEXT.get(operator), text)
    return None


def _made(field: str, operator: str | None, value: Any) -> dict[str, Any] | None:
    return None if operator is None else {"field": field, "operator": operator, "value": value}


def _flag(field: str, operator: str, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, bool) or operator not in ("==", "!="):
        return None
    return {"field": field, "operator": "is", "value": value is (operator == "==")}


def _literal(value: Any) -> Any:
    """What a value means there: JSON where it is JSON, else the text, its single quotes taken off."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
