"""Conditions on a request's facts: the fields, the operators of each kind of value, and what a condition compiles to.

Texts are compared without regard to case. An error names the invalid value and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from access.keys import glob
from routing.facts.request_facts import RequestFacts

Kind = Literal["text", "number", "flag", "list", "clock", "version"]
Predicate = Callable[[RequestFacts], bool]
Test = Callable[[Any], bool]
"""Takes the value of a field."""


class ConditionError(ValueError):
    """A condition that cannot be used; the text says which and what to write."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`field` of the facts, `operator`, and the value to compare it with."""

    field: str
    operator: str
    value: Any = None


class Field(msgspec.Struct, frozen=True):
    """What a condition can compare. `read` takes the facts."""

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
    "prefill": Field("flag", lambda facts: facts.prefill, "whether the request begins the answer (prefill)"),
    "small_model": Field("flag", lambda facts: facts.small_model, "whether a Haiku model is asked for"),
    "tools": Field("list", lambda facts: facts.tools, "the names of the tools"),
    "tool_count": Field("number", lambda facts: len(facts.tools), "how many tools there are"),
    "client": Field("text", lambda facts: facts.client_kind, "claude-code, sdk-python, sdk-typescript, …"),
    "client_version": Field("version", lambda facts: facts.client_version, "such as 2.1.330"),
    "user_agent": Field("text", lambda facts: facts.client, "the complete user agent"),
    "request_class": Field("text", lambda facts: facts.request_class, "main, subagent, auxiliary or compaction"),
    "agent": Field("text", lambda facts: facts.agent_id, "a subagent's id; empty for the main agent"),
    "agent_type": Field("text", lambda facts: facts.agent_type, "a subagent's type"),
    "session": Field("text", lambda facts: facts.session_id, "the session's id"),
    "key": Field("text", lambda facts: facts.key, "the client key's name"),
    "team": Field("text", lambda facts: facts.team, "the team's name"),
    "tags": Field(
        "list", lambda facts: facts.tags, "the client key's tags, and its clients' where the key counts them"
    ),
    "time": Field("clock", lambda facts: facts.clock, "the time of day, such as 08:00-18:00"),
    "weekday": Field("text", lambda facts: facts.weekday, "mon, tue, wed, thu, fri, sat or sun"),
    "text": Field("text", lambda facts: facts.text, "the user's last message"),
}
"""By name. `header.<name>` and `metadata.<name>` are fields too, of kind text."""

_TEXT: Mapping[str, Callable[[str], Callable[[str], bool]]] = {
    "is": lambda value: lambda text: text.lower() == value,
    "is_not": lambda value: lambda text: text.lower() != value,
    "contains": lambda value: lambda text: value in text.lower(),
    "contains_not": lambda value: lambda text: value not in text.lower(),
    "starts_with": lambda value: lambda text: text.lower().startswith(value),
    "ends_with": lambda value: lambda text: text.lower().endswith(value),
    "matches": lambda value: _matches(value),
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


def parse_conditions(value: Any) -> tuple[Condition, ...]:
    """Returns the conditions of a JSON value, each of them valid. Raises ConditionError."""
    try:
        conditions = msgspec.convert(value, tuple[Condition, ...])
    except msgspec.ValidationError as error:
        raise ConditionError(
            f'Write a list such as [{{"field": "tokens", "operator": "at_least", "value": 60000}}]: {error}.'
        ) from error
    for number, condition in enumerate(conditions, 1):
        try:
            compile_condition(condition)
        except ConditionError as error:
            raise ConditionError(f"Condition {number}: {error}" if len(conditions) > 1 else str(error)) from error
    return conditions


def compile_condition(condition: Condition) -> Predicate:
    """Returns the test that a condition means. Raises ConditionError."""
    field = field_of(condition.field)
    holds, read = _comparison(condition.field, field.kind, condition.operator, condition.value), field.read
    return lambda facts: holds(read(facts))


def compile_all(conditions: tuple[Condition, ...], match: Literal["all", "any"]) -> Predicate:
    """Returns the test that all, or any, of the conditions hold; none always hold. Raises ConditionError."""
    tests = tuple(compile_condition(condition) for condition in conditions)
    if len(tests) == 1:
        return tests[0]
    if match == "any" and tests:
        return lambda facts: any(test(facts) for test in tests)
    return lambda facts: all(test(facts) for test in tests)


def field_of(name: str) -> Field:
    """Returns the field of a name. Raises ConditionError for an unknown one."""
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


def _comparison(field: str, kind: Kind, operator: str, value: Any) -> Test:
    """Returns the test of a field's value; `field` is for the error's text. Raises ConditionError."""
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


def _matches(value: str) -> Callable[[str], bool]:
    match = glob(value).fullmatch
    return lambda text: match(text.lower()) is not None


def _list(operator: str, names: frozenset[str]) -> Test:
    if operator == "has":
        return lambda items: any(item.lower() in names for item in items)
    return lambda items: not any(item.lower() in names for item in items)


def _clock(field: str, operator: str, value: Any) -> Test:
    if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
        raise ConditionError(f"{field} needs a span such as 08:00-18:00; one over midnight is written 22:00-06:00.")
    start, _, end = value.partition("-")
    inside = operator == "in"
    if start <= end:
        return lambda clock: (start <= clock < end) is inside
    return lambda clock: (clock >= start or clock < end) is inside


def _version(field: str, operator: str, value: Any) -> Test:
    """A client without a version is neither at least nor less than any."""
    if not isinstance(value, str) or _VERSION.fullmatch(value) is None:
        raise ConditionError(f"{field} needs a version in quotes, such as 2.1.330.")
    holds = _COMPARED[operator](_parts(value))
    if operator == "less_than":
        return lambda version: version != "" and holds(_parts(version))
    return lambda version: holds(_parts(version))


def _parts(version: str) -> tuple[int, ...]:
    """2.1 and 2.1.0 are one version; an empty text is ()."""
    parts = [int(part) for part in version.split(".")] if version else []
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _boolean(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(f"{field} needs true or false.")
    return value


def _number(field: str, value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"{field} needs a number.")
    return value


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConditionError(f"{field} needs a text in quotes.")
    return value.lower()


def _texts(field: str, value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
        raise ConditionError(f"{field} needs a text, or a list of texts.")
    return [each.lower() for each in values]


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
