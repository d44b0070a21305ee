"""Conditions on a request's facts: which fields there are, which operators they take, and what a condition compiles to.

Texts are compared without regard to capitals. A wrong condition is named, with what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from routing.facts import RequestFacts

Predicate = Callable[[RequestFacts], bool]
Kind = Literal["text", "number", "flag", "list", "clock"]


class ConditionError(ValueError):
    """A condition that cannot be used; the text says which and what to write."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`field` of the facts, `operator`, and the value to hold it against."""

    field: str
    operator: str
    value: Any = None


class Field(msgspec.Struct, frozen=True):
    """What a condition can look at. `read` takes the facts."""

    kind: Kind
    read: Callable[[RequestFacts], Any]
    meaning: str


FIELDS: dict[str, Field] = {
    "model": Field("text", lambda facts: facts.request_model, "the name in `model`"),
    "tokens": Field("number", lambda facts: facts.input_estimate, "the prompt's tokens, estimated"),
    "max_tokens": Field("number", lambda facts: facts.max_tokens, "the most tokens asked for"),
    "stream": Field("flag", lambda facts: facts.streamed, "whether a stream is asked for"),
    "thinking": Field("flag", lambda facts: facts.thinks, "whether thinking is on"),
    "effort": Field("text", lambda facts: facts.effort, "low, medium, high, xhigh or max"),
    "images": Field("flag", lambda facts: facts.images, "whether there is an image anywhere"),
    "documents": Field("flag", lambda facts: facts.documents, "whether there is a document anywhere"),
    "web_search": Field("flag", lambda facts: facts.web_search, "whether a web search tool is offered"),
    "structured_output": Field("flag", lambda facts: facts.structured_output, "whether a JSON schema is asked for"),
    "prefill": Field("flag", lambda facts: facts.prefill, "whether the answer's beginning is given"),
    "small_model": Field("flag", lambda facts: facts.small_model, "whether a Haiku is asked for"),
    "tools": Field("list", lambda facts: facts.tools, "the names of the tools"),
    "tool_count": Field("number", lambda facts: len(facts.tools), "how many tools there are"),
    "client": Field("text", lambda facts: facts.client_kind, "claude-code, sdk-python, sdk-typescript, …"),
    "client_version": Field("text", lambda facts: facts.client_version, "such as 2.1.330"),
    "user_agent": Field("text", lambda facts: facts.client, "the whole user agent"),
    "request_class": Field("text", lambda facts: facts.request_class, "main, subagent, auxiliary or compaction"),
    "agent": Field("text", lambda facts: facts.agent_id, "a subagent's id; empty for the main agent"),
    "agent_type": Field("text", lambda facts: facts.agent_type, "a subagent's type"),
    "session": Field("text", lambda facts: facts.session_id, "the session's id"),
    "key": Field("text", lambda facts: facts.key, "the client key's name"),
    "team": Field("text", lambda facts: facts.team, "the team's name"),
    "tags": Field("list", lambda facts: facts.tags, "the client key's tags"),
    "time": Field("clock", lambda facts: facts.clock, "the time of day, such as 08:00-18:00"),
    "weekday": Field("text", lambda facts: facts.weekday, "mon, tue, wed, thu, fri, sat or sun"),
    "text": Field("text", lambda facts: facts.text, "the user's last words"),
}
"""By name; `header.<name>` and `metadata.<name>` are texts besides."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def _glob(value: str) -> Callable[[str], bool]:
    match = re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL).fullmatch
    return lambda text: match(text) is not None


_TEXT: Mapping[str, Callable[[str], Callable[[str], bool]]] = {
    "is": lambda value: lambda text: text == value,
    "is_not": lambda value: lambda text: text != value,
    "contains": lambda value: lambda text: value in text,
    "contains_not": lambda value: lambda text: value not in text,
    "starts_with": lambda value: lambda text: text.startswith(value),
    "ends_with": lambda value: lambda text: text.endswith(value),
    "matches": _glob,
}
_COMPARED: Mapping[str, Callable[[float], Callable[[float], bool]]] = {
    "is": lambda value: lambda number: number == value,
    "is_not": lambda value: lambda number: number != value,
    "more_than": lambda value: lambda number: number > value,
    "at_least": lambda value: lambda number: number >= value,
    "less_than": lambda value: lambda number: number < value,
    "at_most": lambda value: lambda number: number <= value,
}
OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": (*_TEXT, "in", "not_in"),
    "number": tuple(_COMPARED),
    "flag": ("is",),
    "list": ("has", "has_not"),
    "clock": ("in", "not_in"),
}
"""The operators of each kind of field."""


def parse_conditions(value: Any) -> tuple[Condition, ...]:
    """The conditions that a JSON value holds, each of them usable. Raises ConditionError."""
    try:
        conditions = msgspec.convert(value, tuple[Condition, ...])
    except msgspec.ValidationError as error:
        raise ConditionError(
            f'Write a list such as [{{"field": "tokens", "operator": "at_least", "value": 60000}}]: {error}.'
        ) from error
    for condition in conditions:
        compile_condition(condition)
    return conditions


def compile_condition(condition: Condition) -> Predicate:
    """The test that a condition means. Raises ConditionError."""
    field = field_of(condition.field)
    operator, read = condition.operator, field.read
    if operator not in OPERATORS[field.kind]:
        known = ", ".join(OPERATORS[field.kind])
        raise ConditionError(f"{condition.field} has no operator {operator!r}. It has: {known}.")
    match field.kind:
        case "flag":
            wanted = _boolean(condition)
            return lambda facts: read(facts) is wanted
        case "number":
            holds = _COMPARED[operator](_number(condition))
            return lambda facts: holds(read(facts))
        case "list":
            names = frozenset(_texts(condition))
            if operator == "has":
                return lambda facts: any(name.lower() in names for name in read(facts))
            return lambda facts: not any(name.lower() in names for name in read(facts))
        case "clock":
            return _clock(condition, read)
    if operator in ("in", "not_in"):
        values, inside = frozenset(_texts(condition)), operator == "in"
        return lambda facts: (read(facts).lower() in values) is inside
    fits = _TEXT[operator](_text(condition))
    return lambda facts: fits(read(facts).lower())


def compile_all(conditions: tuple[Condition, ...], match: Literal["all", "any"]) -> Predicate:
    """The test that all, or any, of the conditions hold; no condition always holds. Raises ConditionError."""
    tests = tuple(compile_condition(condition) for condition in conditions)
    if len(tests) == 1:
        return tests[0]
    if match == "any" and tests:
        return lambda facts: any(test(facts) for test in tests)
    return lambda facts: all(test(facts) for test in tests)


def field_of(name: str) -> Field:
    """The field of a name. Raises ConditionError for one that there is not."""
    field = FIELDS.get(name)
    if field is not None:
        return field
    place, _, key = name.partition(".")
    if place == "header" and key:
        header = key.lower()
        return Field("text", lambda facts: facts.headers.get(header, ""), "a header")
    if place == "metadata" and key:
        return Field("text", lambda facts: _scalar(facts.metadata.get(key)), "a field of metadata")
    known = ", ".join((*FIELDS, "header.<name>", "metadata.<name>"))
    raise ConditionError(f"There is no field {name!r}. There are: {known}.")


def _clock(condition: Condition, read: Callable[[RequestFacts], str]) -> Predicate:
    span = _CLOCK.fullmatch(condition.value) if isinstance(condition.value, str) else None
    if span is None:
        raise ConditionError("time wants a span such as 08:00-18:00; one over midnight is written 22:00-06:00.")
    start, _, end = condition.value.partition("-")
    inside = condition.operator == "in"
    if start <= end:
        return lambda facts: (start <= read(facts) < end) is inside
    return lambda facts: (read(facts) >= start or read(facts) < end) is inside


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _boolean(condition: Condition) -> bool:
    if not isinstance(condition.value, bool):
        raise ConditionError(f"{condition.field} wants true or false.")
    return condition.value


def _number(condition: Condition) -> float:
    value = condition.value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"{condition.field} wants a number.")
    return value


def _text(condition: Condition) -> str:
    if not isinstance(condition.value, str):
        raise ConditionError(f"{condition.field} wants a text in quotes.")
    return condition.value.lower()


def _texts(condition: Condition) -> list[str]:
    values = [condition.value] if isinstance(condition.value, str) else condition.value
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise ConditionError(f"{condition.field} wants a text, or a list of texts.")
    return [value.lower() for value in values]
