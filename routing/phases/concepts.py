"""The phase `concepts`: words of the user's. They are a hint and never overrule what the request needs."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, no_choice
from routing.selection import lacking
from routing.snapshot import Snapshot


def concepts(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the concept of the highest priority in the user's last message whose route can serve the request."""
    matches = snapshot.concepts.find(facts.text)
    if not matches:
        return no_choice("no concept's word is in the user's last text")
    passed_over = []
    for match in matches:
        concept = match.concept
        route = snapshot.routes.get(concept.route)
        if route is None or not key.may_use(route.name):
            passed_over.append(f"{concept.name}: its route is switched off or not allowed for the key")
        elif not any(lacking(facts, candidate.model) is None for candidate in route.candidates):
            passed_over.append(f"{concept.name}: no model of {route.name} can do what the request needs")
        else:
            return Choice(route, concept.name, f"“{match.word}” means {concept.name}, which leads to {route.name}")
    return no_choice("; ".join(passed_over))
