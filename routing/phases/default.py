"""The end of the search: the default scenario's route, else the default route."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, nothing
from routing.snapshot import Snapshot


def default_route(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The route for any request that nothing else has chosen for."""
    scenario = snapshot.scenario("default", key.team_id)
    if scenario is not None and key.may_use(scenario.route.name):
        route = scenario.route
        return Choice(route, "default", f"the default scenario's route is {route.name}", scenario="default")
    default = snapshot.default_route
    if default is None:
        return nothing("no route is the default")
    if not key.may_use(default.name):
        return nothing("the key's allow-list does not hold the default route")
    return Choice(default, default.name, f"{default.name} is the default route")
