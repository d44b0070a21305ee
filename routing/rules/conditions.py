"""Conditions on a request's facts: which fields there are, and what a condition compiles to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from routing.facts.request_facts import RequestFacts
from routing.rules.comparisons import ConditionError, Kind, comparison

Predicate = Callable[[RequestFacts], bool]


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
    "client_version": Field("version", lambda facts: facts.client_version, "such as 2.1.330"),
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


def parse_conditions(value: Any) -> tuple[Condition, ...]:
    """The conditions that a JSON value holds, each of them usable. Raises ConditionError."""
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
    """The test that a condition means. Raises ConditionError."""
    field = field_of(condition.field)
    holds, read = comparison(condition.field, field.kind, condition.operator, condition.value), field.read
    return lambda facts: holds(read(facts))


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


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
