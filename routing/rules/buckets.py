"""Rules, filed when they are loaded: a request is compared with the few that could fit it, not with all of them.

A rule that needs a certain value of a field is filed under that value; one that needs a word in a text is found by one
search for all words; one that needs a number of some size is filed under that size; one with a pattern for the model's
name is looked up once per name. The rest is grouped by its first condition, which is tested once for the group.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec
from ahocorasick_rs import AhoCorasick

from routing.facts.request_facts import RequestFacts
from routing.rules.conditions import Condition, Predicate, compile_all, compile_condition, field_of

_MAX_NAMES = 4096
_MIN_WORD = 3
"""Characters. A letter is found in every line of a text, and each find costs more than testing the rule."""


class RuleConfig(msgspec.Struct, frozen=True):
    """One rule: its conditions, compiled, and the route or the scenario that it leads to.

    `rank` is its place in the order of rules, 0 the first; `team_id` None is every team.
    """

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


Usable = Callable[[RuleConfig], bool]
"""Whether a rule that holds may be taken."""


class RuleIndex:
    """All rules of a snapshot."""

    def __init__(self, rules: Sequence[RuleConfig] = ()) -> None:
        self.rules = tuple(rules)
        self._teams: dict[int | None, RuleBuckets] = {}
        by_team: dict[int | None, list[RuleConfig]] = {}
        for rule in sorted(rules, key=lambda rule: rule.rank):
            by_team.setdefault(rule.team_id, []).append(rule)
        for team_id, own in by_team.items():
            self._teams[team_id] = RuleBuckets(own)

    def first(self, facts: RequestFacts, team_id: int, usable: Usable = lambda rule: True) -> RuleConfig | None:
        """Returns the first rule, of the team's and every team's together, that holds for a request and is `usable`.

        `usable` may be called for rules after the one that is returned, and more than once for a rule.
        """
        best: RuleConfig | None = None
        for buckets in (self._teams.get(None), self._teams.get(team_id)):
            if buckets is not None:
                best = buckets.first(facts, best, usable)
        return best


class RuleBuckets:
    """The rules of one team, or of every team."""

    def __init__(self, rules: Iterable[RuleConfig]) -> None:
        self._by_value: dict[str, dict[str, list[RuleConfig]]] = {}
        self._by_word: dict[str, _Words] = {}
        self._by_size: dict[str, _Thresholds] = {}
        self._by_name: list[tuple[Predicate, RuleConfig]] = []
        self._names: dict[str, list[RuleConfig]] = {}
        groups: dict[bytes, tuple[Predicate | None, list[RuleConfig]]] = {}
        for rule in rules:
            if not self._file(rule):
                first = rule.conditions[0] if rule.match == "all" and rule.conditions else None
                key = b"" if first is None else msgspec.json.encode(first)
                test = None if first is None else compile_condition(first)
                groups.setdefault(key, (test, []))[1].append(rule)
        fields = [(field_of(name), values) for name, values in self._by_value.items()]
        self._texts = [(field.read, values) for field, values in fields if field.kind == "text"]
        self._lists = [(field.read, values) for field, values in fields if field.kind == "list"]
        self._words = [(field_of(name).read, words.build()) for name, words in self._by_word.items()]
        self._numbers = [(field_of(name).read, thresholds) for name, thresholds in self._by_size.items()]
        self._groups = sorted(groups.values(), key=lambda group: group[1][0].rank)

    def first(self, facts: RequestFacts, best: RuleConfig | None, usable: Usable) -> RuleConfig | None:
        """Returns the first rule that holds and is usable, if it comes before `best`; else `best`."""
        for read, values in self._texts:
            best = _first(values.get(read(facts).lower(), ()), facts, best, usable)
        for read, values in self._lists:
            for item in read(facts):
                best = _first(values.get(item.lower(), ()), facts, best, usable)
        for read, words in self._words:
            best = _first(words.rules(read(facts).lower()), facts, best, usable)
        for read, thresholds in self._numbers:
            best = thresholds.first(read(facts), facts, best, usable)
        if self._by_name:
            best = _first(self._of_name(facts), facts, best, usable)
        for test, rules in self._groups:
            if best is not None and rules[0].rank > best.rank:
                break
            if test is None or test(facts):
                best = _first(rules, facts, best, usable)
        return best

    def _file(self, rule: RuleConfig) -> bool:
        """Files a rule under one of its conditions; False when none of them can be filed under."""
        if rule.match == "any" and len(rule.conditions) > 1:
            return False
        return any(
            file(condition, rule)
            for file in (self._file_by_value, self._file_by_name, self._file_by_size, self._file_by_word)
            for condition in rule.conditions
        )

    def _file_by_value(self, condition: Condition, rule: RuleConfig) -> bool:
        operators = {"text": ("is", "in"), "list": ("has",)}.get(field_of(condition.field).kind, ())
        if condition.operator not in operators:
            return False
        values = [condition.value] if isinstance(condition.value, str) else condition.value
        bucket = self._by_value.setdefault(condition.field, {})
        for value in {value.lower() for value in values}:
            bucket.setdefault(value, []).append(rule)
        return True

    def _file_by_name(self, condition: Condition, rule: RuleConfig) -> bool:
        if condition.field != "model" or condition.operator not in ("matches", "starts_with", "contains", "ends_with"):
            return False
        self._by_name.append((compile_condition(condition), rule))
        return True

    def _file_by_size(self, condition: Condition, rule: RuleConfig) -> bool:
        if field_of(condition.field).kind != "number" or condition.operator not in ("at_least", "more_than"):
            return False
        self._by_size.setdefault(condition.field, _Thresholds()).add(float(condition.value), rule)
        return True

    def _file_by_word(self, condition: Condition, rule: RuleConfig) -> bool:
        if field_of(condition.field).kind != "text" or condition.operator != "contains":
            return False
        if len(condition.value) < _MIN_WORD:
            return False
        self._by_word.setdefault(condition.field, _Words()).add(condition.value.lower(), rule)
        return True

    def _of_name(self, facts: RequestFacts) -> list[RuleConfig]:
        """Returns the rules whose pattern fits the model's name; clients use few names, so results are cached."""
        name = facts.request_model.lower()
        found = self._names.get(name)
        if found is None:
            found = [rule for fits, rule in self._by_name if fits(facts)]
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            self._names[name] = found
        return found


class _Words:
    """Rules that need a text to contain something, in one automaton: the text is searched once for all of them."""

    def __init__(self) -> None:
        self._rules: dict[str, list[RuleConfig]] = {}
        self._automaton = AhoCorasick([])

    def add(self, word: str, rule: RuleConfig) -> None:
        """Files a rule under its word, in lower case."""
        self._rules.setdefault(word, []).append(rule)

    def build(self) -> _Words:
        """Builds the automaton after all words were added; returns itself."""
        self._automaton = AhoCorasick(list(self._rules))
        return self

    def rules(self, text: str) -> list[RuleConfig]:
        """Returns the rules whose word is in a text, by rank."""
        if not text:
            return []
        words = set(self._automaton.find_matches_as_strings(text, overlapping=True))
        return sorted((rule for word in words for rule in self._rules[word]), key=lambda rule: rule.rank)


class _Thresholds:
    """Rules that need a number to be large enough, by how large: those out of reach are never tested."""

    def __init__(self) -> None:
        self._sizes: list[float] = []
        self._rules: list[RuleConfig] = []

    def add(self, size: float, rule: RuleConfig) -> None:
        """Files a rule under its threshold."""
        at = bisect_right(self._sizes, size)
        self._sizes.insert(at, size)
        self._rules.insert(at, rule)

    def first(self, size: float, facts: RequestFacts, best: RuleConfig | None, usable: Usable) -> RuleConfig | None:
        """Returns the first by rank of those that `size` reaches, if it comes before `best`; else `best`."""
        for rule in self._rules[: bisect_right(self._sizes, size)]:
            if (best is None or rule.rank < best.rank) and rule.holds(facts) and usable(rule):
                best = rule
        return best


def _first(
    rules: Sequence[RuleConfig], facts: RequestFacts, best: RuleConfig | None, usable: Usable
) -> RuleConfig | None:
    for rule in rules:
        if best is not None and rule.rank > best.rank:
            return best
        if rule.holds(facts) and usable(rule):
            return rule
    return best
