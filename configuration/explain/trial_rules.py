"""Rules that are tried in one explanation, before the saved ones, without being saved."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from configuration.explain.question import Unexplainable
from routing.models import ScenarioRoute
from routing.rules.buckets import RuleConfig, RuleIndex, make_rule
from routing.rules.conditions import ConditionError, parse_conditions
from routing.snapshot import Snapshot

EXAMPLE = '[{"conditions": [{"field": "tokens", "operator": "at_least", "value": 60000}], "route": "…"}]'


class TrialRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it is written in JSON: `route` or `scenario`, for every team."""

    conditions: Any = ()
    route: str = ""
    scenario: str = ""
    match: Literal["all", "any"] = "all"
    name: str = ""


def parse(text: str) -> list[TrialRule]:
    """The rules in a JSON text, one object or a list of objects. Raises Unexplainable."""
    if not text.strip():
        return []
    try:
        value = msgspec.json.decode(text)
        return msgspec.convert(value if isinstance(value, list) else [value], list[TrialRule])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise Unexplainable(f"Write a list of rules, such as {EXAMPLE}: {error}") from error


def compile_rules(rules: list[TrialRule], snapshot: Snapshot) -> tuple[RuleConfig, ...]:
    """The rules in the form that routing uses, in the same order. Raises Unexplainable."""
    return tuple(_rule(rule, number, len(rules), snapshot) for number, rule in enumerate(rules))


def with_trial_rules(snapshot: Snapshot, rules: tuple[RuleConfig, ...]) -> Snapshot:
    """The snapshot with these rules before its own."""
    if not rules:
        return snapshot
    return msgspec.structs.replace(snapshot, rules=RuleIndex((*rules, *snapshot.rules.rules)))


def _rule(rule: TrialRule, number: int, count: int, snapshot: Snapshot) -> RuleConfig:
    name = rule.name or f"trial rule {number + 1}"
    if bool(rule.route) == bool(rule.scenario):
        raise Unexplainable(f"{name}: Write either a route or a scenario.")
    if rule.route and rule.route not in snapshot.routes:
        raise Unexplainable(f"{name}: There is no route {rule.route!r}. Existing routes: {_listed(snapshot.routes)}.")
    if rule.scenario and rule.scenario not in ScenarioRoute.Scenario.values:
        known = ", ".join(ScenarioRoute.Scenario.values)
        raise Unexplainable(f"{name}: There is no scenario {rule.scenario!r}. Existing scenarios: {known}.")
    try:
        return make_rule(
            0,
            name,
            # The positions of saved rules start at 0.
            number - count,
            parse_conditions(list(rule.conditions) if isinstance(rule.conditions, tuple) else rule.conditions),
            match=rule.match,
            route=rule.route,
            scenario=rule.scenario,
        )
    except ConditionError as error:
        raise Unexplainable(f"{name}: {error}") from error


def _listed(routes: dict[str, Any], most: int = 20) -> str:
    names = list(routes)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"
