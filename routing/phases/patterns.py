"""Phase 3: words of the user's. They are a hint and never stand against what the request needs."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.facts import needs
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, nothing
from routing.snapshot import Snapshot


def patterns(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The route of the concept with the highest priority that is in the user's last words and can serve the request."""
    found = snapshot.concepts.find(facts.text)
    if not found:
        return nothing("no concept's word is in the user's last text")
    passed = []
    for hit in found:
        concept = hit.concept
        route = snapshot.routes.get(concept.route)
        if route is None or not key.may_use(route.name):
            passed.append(f"{concept.name}: its route is switched off or not the key's")
        elif not any(needs.lacking(facts, candidate.model) is None for candidate in route.candidates):
            passed.append(f"{concept.name}: no model of {route.name} can do what the request needs")
        else:
            return Choice(route, concept.name, f"“{hit.word}” means {concept.name}, which leads to {route.name}")
    return nothing("; ".join(passed))
