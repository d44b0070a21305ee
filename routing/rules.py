"""Rules, indexed at load: a request is held against the few that could fit it, not against all of them.

A rule that must find one value in a field stands on a shelf under that value; one that wants a number to be large
enough under that size; one with a pattern for the model's name is looked up once a name. The rest is grouped by its
first condition, which is asked once for the whole group.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from routing.conditions import Condition, Predicate, compile_all, compile_condition, field_of
from routing.facts import RequestFacts

_MOST_NAMES = 4096


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
        self._teams: dict[int | None, _Shelf] = {}
        by_team: dict[int | None, list[RuleConfig]] = {}
        for rule in sorted(rules, key=lambda rule: rule.rank):
            by_team.setdefault(rule.team_id, []).append(rule)
        for team_id, own in by_team.items():
            self._teams[team_id] = _Shelf(own)

    def first(self, facts: RequestFacts, team_id: int) -> RuleConfig | None:
        """The first rule, of the team's and everybody's together, that holds for a request."""
        best: RuleConfig | None = None
        for shelf in (self._teams.get(None), self._teams.get(team_id)):
            if shelf is not None:
                best = shelf.first(facts, best)
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
    """A rule with its conditions compiled. Raises routing.conditions.ConditionError."""
    holds = compile_all(conditions, match)
    return RuleConfig(id, name, rank, holds, conditions, match, team_id, route, scenario)


class _Shelf:
    """The rules of one team, or of everybody."""

    def __init__(self, rules: Iterable[RuleConfig]) -> None:
        self._by_value: dict[str, dict[str, list[RuleConfig]]] = {}
        self._by_size: dict[str, _Thresholds] = {}
        self._by_name: list[tuple[Predicate, RuleConfig]] = []
        self._names: dict[str, list[RuleConfig]] = {}
        groups: dict[bytes, tuple[Predicate | None, list[RuleConfig]]] = {}
        for rule in rules:
            if not self._put_on_shelf(rule):
                first = rule.conditions[0] if rule.match == "all" and rule.conditions else None
                key = b"" if first is None else msgspec.json.encode(first)
                test = None if first is None else compile_condition(first)
                groups.setdefault(key, (test, []))[1].append(rule)
        fields = [(field_of(name), values) for name, values in self._by_value.items()]
        self._texts = [(field.read, values) for field, values in fields if field.kind == "text"]
        self._lists = [(field.read, values) for field, values in fields if field.kind == "list"]
        self._numbers = [(field_of(name).read, thresholds) for name, thresholds in self._by_size.items()]
        self._groups = sorted(groups.values(), key=lambda group: group[1][0].rank)

    def first(self, facts: RequestFacts, best: RuleConfig | None) -> RuleConfig | None:
        """The first rule that holds, if it comes before `best`; else `best`."""
        for read, values in self._texts:
            best = _first(values.get(read(facts).lower(), ()), facts, best)
        for read, values in self._lists:
            for item in read(facts):
                best = _first(values.get(item.lower(), ()), facts, best)
        for read, thresholds in self._numbers:
            best = thresholds.first(read(facts), facts, best)
        if self._by_name:
            best = _first(self._of_name(facts), facts, best)
        for test, rules in self._groups:
            if best is not None and rules[0].rank > best.rank:
                break
            if test is None or test(facts):
                best = _first(rules, facts, best)
        return best

    def _put_on_shelf(self, rule: RuleConfig) -> bool:
        """Put a rule where only requests that fit one of its conditions find it; False if it has none such."""
        if rule.match == "any" and len(rule.conditions) > 1:
            return False
        for condition in rule.conditions:
            kind = field_of(condition.field).kind
            if (kind == "text" and condition.operator in ("is", "in")) or (
                kind == "list" and condition.operator == "has"
            ):
                values = [condition.value] if isinstance(condition.value, str) else condition.value
                shelf = self._by_value.setdefault(condition.field, {})
                for value in {value.lower() for value in values}:
                    shelf.setdefault(value, []).append(rule)
                return True
        for condition in rule.conditions:
            if condition.field == "model" and condition.operator in ("matches", "starts_with", "contains", "ends_with"):
                self._by_name.append((compile_condition(condition), rule))
                return True
        for condition in rule.conditions:
            if condition.operator in ("at_least", "more_than"):
                self._by_size.setdefault(condition.field, _Thresholds()).add(float(condition.value), rule)
                return True
        return False

    def _of_name(self, facts: RequestFacts) -> list[RuleConfig]:
        """The rules whose pattern fits the model's name; names are few, and those seen are remembered."""
        name = facts.request_model.lower()
        found = self._names.get(name)
        if found is None:
            found = [rule for fits, rule in self._by_name if fits(facts)]
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[name] = found
        return found


class _Thresholds:
    """Rules that want a number to be large enough, by how large: those that it is too small for are never asked."""

    def __init__(self) -> None:
        self._sizes: list[float] = []
        self._rules: list[RuleConfig] = []

    def add(self, size: float, rule: RuleConfig) -> None:
        """Keep a rule under its threshold."""
        at = bisect_right(self._sizes, size)
        self._sizes.insert(at, size)
        self._rules.insert(at, rule)

    def first(self, size: float, facts: RequestFacts, best: RuleConfig | None) -> RuleConfig | None:
        """The first by rank of those that `size` reaches, if it comes before `best`; else `best`."""
        for rule in self._rules[: bisect_right(self._sizes, size)]:
            if (best is None or rule.rank < best.rank) and rule.holds(facts):
                best = rule
        return best


def _first(rules: Sequence[RuleConfig], facts: RequestFacts, best: RuleConfig | None) -> RuleConfig | None:
    for rule in rules:
        if best is not None and rule.rank > best.rank:
            return best
        if rule.holds(facts):
            return rule
    return best
