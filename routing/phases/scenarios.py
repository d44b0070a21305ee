"""The phases `scenarios` and `default_route`: the kind of a request, and the route for everything else."""

from __future__ import annotations

import re
from collections.abc import Callable

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, no_choice
from routing.snapshot import ScenarioConfig, Snapshot

LONG_CONTEXT = 60_000
"""Tokens from which on a prompt is long, where a scenario has no threshold of its own."""

_PLAN = re.compile(r"\bplan(?:s|ned|ning)?\b", re.IGNORECASE)
_IMPLEMENT = re.compile(
    r"\b(?:implement\w*|build\w*|cod(?:e|es|ing)|develop\w*|writ(?:e|es|ing)|creat\w*)\b", re.IGNORECASE
)


def scenarios(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the first scenario that applies to the request and has a route."""
    if not snapshot.scenarios:
        return no_choice("no scenario has a route")
    passed_over = []
    for name, applies in SCENARIOS:
        scenario = snapshot.scenario(name, key.team_id)
        if scenario is None or not applies(facts, scenario):
            continue
        if key.may_use(scenario.route.name):
            return Choice(
                scenario.route, name, f"the scenario is {name}, whose route is {scenario.route.name}", scenario=name
            )
        passed_over.append(f"{name}: the key's allow-list does not hold {scenario.route.name}")
    return no_choice("; ".join(passed_over) or "no scenario that has a route applies to the request")


def default_route(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the route of the default scenario, else the default route."""
    scenario = snapshot.scenario("default", key.team_id)
    if scenario is not None and key.may_use(scenario.route.name):
        route = scenario.route
        return Choice(route, "default", f"the default scenario's route is {route.name}", scenario="default")
    default = snapshot.default_route
    if default is None:
        return no_choice("there is no default route")
    if not key.may_use(default.name):
        return no_choice("the key's allow-list does not hold the default route")
    return Choice(default, default.name, f"{default.name} is the default route")


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
"""In the order in which they are checked. `default` is taken by the last phase alone."""
