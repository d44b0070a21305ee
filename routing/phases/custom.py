"""Phase 2: what the callable of the settings answered. It was asked before, and its answer is a fact like any other."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, nothing
from routing.phases.names import resolve
from routing.snapshot import Snapshot


def custom(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The route that the custom callable named."""
    if facts.chosen is None:
        return nothing("no custom callable answered")
    found = resolve(facts.chosen, snapshot)
    if found is None:
        return nothing(f"the custom callable named {facts.chosen!r}, which is nothing here")
    route, how = found
    if not key.may_use(route.name):
        return nothing(f"the custom callable named {route.name}, which the key's allow-list does not hold")
    return Choice(route, facts.chosen, f"the custom callable named it: {how}")
