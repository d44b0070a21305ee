"""Rules, indexed at load: a request is held against the few that could fit it, not against all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from routing.facts.request_facts import RequestFacts
from routing.rules.buckets import Shelf, Usable
from routing.rules.conditions import Condition, Predicate, compile_all


class RuleConfig(msgspec.Struct, frozen=True):
    """One rule: what must hold, and the route or the scenario that it leads to. `rank` is its place, 0 the first."""

    id: int
    name: str
    rank: int
    holds: Predicate
    conditions: tuple[Condition, ...] = ()
    match: Literal["all", "any"] = "all"
    team_id: int | None = None
    route: str = ""
    scenario: str = ""


class RuleIndex:
    """All rules of a snapshot."""

    def __init__(self, rules: Sequence[RuleConfig] = ()) -> None:
        self.rules = tuple(rules)
        self._teams: dict[int | None, Shelf] = {}
        by_team: dict[int | None, list[RuleConfig]] = {}
        for rule in sorted(rules, key=lambda rule: rule.rank):
            by_team.setdefault(rule.team_id, []).append(rule)
        for team_id, own in by_team.items():
            self._teams[team_id] = Shelf(own)

    def first(self, facts: RequestFacts, team_id: int, usable: Usable = lambda rule: True) -> RuleConfig | None:
        """The first rule, of the team's and everybody's together, that holds for a request and is `usable`."""
        best: RuleConfig | None = None
        for shelf in (self._teams.get(None), self._teams.get(team_id)):
            if shelf is not None:
                best = shelf.first(facts, best, usable)
        return best


def make_rule(
    id: int,
    name: str,
    rank: int,
    conditions: tuple[Condition, ...],
    *,
    match: Literal["all", "any"] = "all",
    team_id: int | None = None,
    route: str = "",
    scenario: str = "",
) -> RuleConfig:
    """A rule with its conditions compiled. Raises routing.rules.comparisons.ConditionError."""
    holds = compile_all(conditions, match)
    return RuleConfig(id, name, rank, holds, conditions, match, team_id, route, scenario)
