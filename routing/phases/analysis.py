"""Phase 1: what the request itself asks for. Rules come first: they are what an administrator wrote down."""

from __future__ import annotations

import re
from collections.abc import Callable

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, nothing
from routing.rules.index import RuleConfig
from routing.snapshot import RouteConfig, ScenarioConfig, Snapshot

LONG_CONTEXT = 60_000
"""Tokens from which on a prompt is long, where a scenario says nothing else."""

_MOST_SAID = 5
"""Rules that were passed over and are told of."""

_PLAN = re.compile(r"\bplan(?:s|ned|ning)?\b", re.IGNORECASE)
_IMPLEMENT = re.compile(
    r"\b(?:implement\w*|build\w*|cod(?:e|es|ing)|develop\w*|writ(?:e|es|ing)|creat\w*)\b", re.IGNORECASE
)


def rules(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The first rule that holds and whose route the key may use."""
    if not snapshot.rules.rules:
        return nothing("there are no rules")
    passed: list[tuple[int, str]] = []

    def usable(rule: RuleConfig) -> bool:
        route = _led_to(rule, key, snapshot)
        if route is not None and key.may_use(route.name):
            return True
        target = f"the scenario {rule.scenario}" if rule.scenario else f"the route {rule.route}"
        cause = f"{target} leads nowhere" if route is None else f"the key's allow-list does not hold {route.name}"
        passed.append((rule.rank, f"the rule {rule.name} holds, and {cause}"))
        return False

    rule = snapshot.rules.first(facts, key.team_id, usable)
    route = None if rule is None else _led_to(rule, key, snapshot)
    # The index asks in an order of its own: what it passed over after the one that it found does not count.
    said = [text for rank, text in sorted(passed) if rule is None or rank < rule.rank][:_MOST_SAID]
    if rule is None or route is None:
        return nothing("; ".join(said) or "no rule holds")
    said.append(f"the rule {rule.name} holds and leads to {route.name}")
    return Choice(route, rule.name, "; ".join(said), scenario=rule.scenario)


def _led_to(rule: RuleConfig, key: KeyRecord, snapshot: Snapshot) -> RouteConfig | None:
    if not rule.scenario:
        return snapshot.routes.get(rule.route)
    scenario = snapshot.scenario(rule.scenario, key.team_id)
    return None if scenario is None else scenario.route


def scenarios(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The first scenario that the request is one of and that has a route."""
    if not snapshot.scenarios:
        return nothing("no scenario has a route")
    seen = []
    for name, applies in SCENARIOS:
        scenario = snapshot.scenario(name, key.team_id)
        if scenario is None or not applies(facts, scenario):
            continue
        if key.may_use(scenario.route.name):
            return Choice(
                scenario.route, name, f"the scenario is {name}, whose route is {scenario.route.name}", scenario=name
            )
        seen.append(f"{name}: the key's allow-list does not hold {scenario.route.name}")
    return nothing("; ".join(seen) or "the request is none of the scenarios that have a route")


def _is_long(facts: RequestFacts, scenario: ScenarioConfig) -> bool:
    return facts.input_estimate >= (LONG_CONTEXT if scenario.threshold is None else scenario.threshold)


def _is_subagent(facts: RequestFacts, scenario: ScenarioConfig) -> bool:
    return bool(facts.agent_id) or facts.request_class == "subagent"


def _is_background(facts: RequestFacts, scenario: ScenarioConfig) -> bool:
    return facts.small_model or facts.request_class == "auxiliary"


def _is_plan(facts: RequestFacts, scenario: ScenarioConfig) -> bool:
    return _PLAN.search(facts.text) is not None and _IMPLEMENT.search(facts.text) is not None


SCENARIOS: tuple[tuple[str, Callable[[RequestFacts, ScenarioConfig], bool]], ...] = (
    ("image", lambda facts, scenario: facts.images),
    ("web_search", lambda facts, scenario: facts.web_search),
    ("long_context", _is_long),
    ("subagent", _is_subagent),
    ("background", _is_background),
    ("think", lambda facts, scenario: facts.thinks),
    ("plan", _is_plan),
    ("default", lambda facts, scenario: False),
)
"""In the order in which they are looked at. `default` is taken by the last phase alone."""
