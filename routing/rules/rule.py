"""A rule: its conditions, compiled, and the route or the scenario that it leads to."""

from __future__ import annotations

from typing import Literal

import msgspec

from routing.rules.conditions import Condition, Predicate, compile_all


class RuleConfig(msgspec.Struct, frozen=True):
    """One rule. `rank` is its place in the order of rules, 0 the first; `team_id` None is every team."""

    id: int
    name: str
    rank: int
    holds: Predicate
    conditions: tuple[Condition, ...] = ()
    match: Literal["all", "any"] = "all"
    team_id: int | None = None
    route: str = ""
    scenario: str = ""


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
    """Returns a rule with its conditions compiled. Raises routing.rules.conditions.ConditionError."""
    holds = compile_all(conditions, match)
    return RuleConfig(id, name, rank, holds, conditions, match, team_id, route, scenario)
