"""Rules that nobody has saved, tried out before the saved ones. Wrong ones are named, with what to write instead."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from configuration.explain.question import Unexplainable
from routing.models import ScenarioRoute
from routing.rules.buckets import RuleIndex
from routing.rules.conditions import ConditionError, parse_conditions
from routing.rules.rule import RuleConfig, make_rule
from routing.snapshot import Snapshot

EXAMPLE = '[{"conditions": [{"field": "tokens", "operator": "at_least", "value": 60000}], "route": "…"}]'


class UnsavedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as one writes it down: `route` or `scenario`, for everybody."""

    conditions: Any = ()
    route: str = ""
    scenario: str = ""
    match: Literal["all", "any"] = "all"
    name: str = ""


def written(text: str) -> list[UnsavedRule]:
    """The rules in a JSON text, one object or a list of them. Raises Unexplainable."""
    if not text.strip():
        return []
    try:
        value = msgspec.json.decode(text)
        return msgspec.convert(value if isinstance(value, list) else [value], list[UnsavedRule])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise Unexplainable(f"Write a list of rules, such as {EXAMPLE}: {error}") from error


def made(rules: list[UnsavedRule], snapshot: Snapshot) -> tuple[RuleConfig, ...]:
    """The rules ready to be held against requests; the first is looked at first. Raises Unexplainable."""
    return tuple(_rule(rule, number, len(rules), snapshot) for number, rule in enumerate(rules))


def with_rules(snapshot: Snapshot, rules: tuple[RuleConfig, ...]) -> Snapshot:
    """The configuration with these rules before its own."""
    if not rules:
        return snapshot
    return msgspec.structs.replace(snapshot, rules=RuleIndex((*rules, *snapshot.rules.rules)))


def _rule(rule: UnsavedRule, number: int, count: int, snapshot: Snapshot) -> RuleConfig:
    name = rule.name or f"unsaved rule {number + 1}"
    if bool(rule.route) == bool(rule.scenario):
        raise Unexplainable(f"{name}: write a route or a scenario, and not both.")
    if rule.route and rule.route not in snapshot.routes:
        raise Unexplainable(f"{name}: there is no route {rule.route!r}. There are: {_some(snapshot.routes)}.")
    if rule.scenario and rule.scenario not in ScenarioRoute.Scenario.values:
        known = ", ".join(ScenarioRoute.Scenario.values)
        raise Unexplainable(f"{name}: there is no scenario {rule.scenario!r}. There are: {known}.")
    try:
        return make_rule(
            0,
            name,
            # The saved ones begin at 0.
            number - count,
            parse_conditions(list(rule.conditions) if isinstance(rule.conditions, tuple) else rule.conditions),
            match=rule.match,
            route=rule.route,
            scenario=rule.scenario,
        )
    except ConditionError as error:
        raise Unexplainable(f"{name}: {error}") from error


def _some(routes: dict[str, Any], most: int = 20) -> str:
    names = list(routes)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none yet"
