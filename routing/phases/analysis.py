"""Phase 1: what the request itself asks for. Rules come first: they are what an administrator wrote down."""

from __future__ import annotations

import re
from collections.abc import Callable

from access.keys import KeyRecord
from routing.facts import RequestFacts
from routing.phases.choice import Choice, nothing
from routing.snapshot import ScenarioConfig, Snapshot

LONG_CONTEXT = 60_000
"""Tokens from which on a prompt is long, where a scenario says nothing else."""

_PLAN = re.compile(r"\bplan(?:s|ned|ning)?\b", re.IGNORECASE)
_IMPLEMENT = re.compile(
    r"\b(?:implement\w*|build\w*|cod(?:e|es|ing)|develop\w*|writ(?:e|es|ing)|creat\w*)\b", re.IGNORECASE
)


def rules(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The first rule that holds."""
    rule = snapshot.rules.first(facts, key.team_id)
    if rule is None:
        return nothing("no rule holds" if snapshot.rules.rules else "there are no rules")
    scenario = snapshot.scenario(rule.scenario, key.team_id) if rule.scenario else None
    route = scenario.route if scenario is not None else snapshot.routes.get(rule.route)
    if route is None:
        target = f"the scenario {rule.scenario}" if rule.scenario else f"the route {rule.route}"
        return nothing(f"the rule {rule.name} holds, and {target} leads nowhere")
    if not key.may_use(route.name):
        return nothing(f"the rule {rule.name} holds, and the key's allow-list does not hold {route.name}")
    return Choice(route, rule.name, f"the rule {rule.name} holds and leads to {route.name}", scenario=rule.scenario)


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
