"""The phase `rules`: the first rule that holds. Administrators write rules, so they come before scenarios."""

from __future__ import annotations

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, no_choice
from routing.rules.buckets import RuleConfig
from routing.snapshot import RouteConfig, Snapshot

_MAX_EXPLAINED = 5
"""Rules passed over that the reason names."""


def rules(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the first rule that holds and whose route the key may use."""
    if not snapshot.rules.rules:
        return no_choice("there are no rules")
    passed_over: dict[int, str] = {}

    def usable(rule: RuleConfig) -> bool:
        route = _target(rule, key, snapshot)
        if route is not None and key.may_use(route.name):
            return True
        if route is not None:
            cause = f"the key's allow-list does not hold {route.name}"
        elif rule.scenario:
            cause = f"the scenario {rule.scenario} has no route"
        else:
            cause = f"there is no route {rule.route}"
        passed_over[rule.rank] = f"the rule {rule.name} holds, and {cause}"
        return False

    rule = snapshot.rules.first(facts, key.team_id, usable)
    route = None if rule is None else _target(rule, key, snapshot)
    # The index asks rules in an order of its own, and some twice: those after the one that it found do not count.
    texts = [text for rank, text in sorted(passed_over.items()) if rule is None or rank < rule.rank][:_MAX_EXPLAINED]
    if rule is None or route is None:
        return no_choice("; ".join(texts) or "no rule holds")
    texts.append(f"the rule {rule.name} holds and leads to {route.name}")
    return Choice(route, rule.name, "; ".join(texts), scenario=rule.scenario)


def _target(rule: RuleConfig, key: KeyRecord, snapshot: Snapshot) -> RouteConfig | None:
    """Returns the route that a rule leads to, None where that is switched off."""
    if not rule.scenario:
        return snapshot.routes.get(rule.route)
    scenario = snapshot.scenario(rule.scenario, key.team_id)
    return None if scenario is None else scenario.route
