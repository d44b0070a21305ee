"""What can never match: rows that are valid and enabled, and that no request is ever sent on by.

Pages ask after saving one row, and the overview asks about all of them, with what is enabled read once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import msgspec
from django.conf import settings

from access.keys import glob
from providers.models import Model
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from routing.rules.conditions import Condition, ConditionError, parse_conditions

_Terms = frozenset[bytes]


class _Earlier(msgspec.Struct, frozen=True):
    """An enabled rule with a route that works: its place in the order, and what it holds for."""

    rank: int
    rule: Rule
    terms: _Terms
    is_any: bool


class Unreachable:
    """Says of a row why it can never match, "" where it can. What it reads it reads once."""

    def alias(self, alias: Alias) -> str:
        """Returns why no name is resolved by an alias."""
        route = self._routes.get(alias.pattern)
        if route is not None and (route.enabled or settings.DISABLED_ROUTES != "default"):
            return f"A route is called {alias.pattern}, and routes come first: this alias has no effect."
        for earlier in self._aliases:
            if earlier.pk == alias.pk or earlier.position > alias.position or self._without_target(earlier):
                continue
            comes_first = earlier.position < alias.position or earlier.pk < alias.pk
            if comes_first and glob(earlier.pattern.lower()).fullmatch(alias.pattern.lower()):
                return f"The alias {earlier.pattern} matches the same names and comes first: this alias has no effect."
        return self._without_target(alias)

    def scenario(self, scenario: ScenarioRoute) -> str:
        """Returns why no request gets a scenario's route."""
        if text := self._switched_off(scenario.route_id):
            return text
        # Rules lead to it as well.
        is_used = any(earlier.rule.scenario == scenario.scenario for earlier in self._rules)
        return "" if is_used else self.after_rules(scenario.team_id)

    def concept(self, concept: Concept) -> str:
        """Returns why no request gets a concept's route."""
        if text := self._switched_off(concept.route_id):
            return text
        if concept.route_id not in self._answered:
            return (
                f"The route {self._names[concept.route_id]} has no candidate that is switched on: this has no effect."
            )
        return self.after_rules(None)

    def after_rules(self, team_id: int | None) -> str:
        """Returns why nothing after the rules decides on requests of a team, None for those of every team."""
        first = next((one.rule for one in self._always if one.rule.team_id in (None, team_id)), None)
        if first is None:
            return ""
        return (
            f"The rule {first.name} holds for every request, so what comes later decides only for client keys that may "
            f"not use {_target(first)}."
        )

    def rule(self, rule: Rule) -> str:
        """Returns why a rule never decides."""
        if text := self._rule_without_target(rule):
            return text
        try:
            conditions = parse_conditions(rule.conditions)
        except ConditionError:
            return ""
        is_any = _is_any(rule, conditions)
        return ("" if is_any else self._named_before(conditions)) or self._covered(rule, _terms(conditions), is_any)

    def _covered(self, rule: Rule, terms: _Terms, is_any: bool) -> str:
        """Says that an earlier rule holds whenever this one does."""
        before = (-rule.priority, rule.name)
        found = None
        for earlier in self._candidates_for(terms):
            other = earlier.rule
            if other.pk == rule.pk or (-other.priority, other.name) >= before:
                continue
            if other.team_id not in (None, rule.team_id) or not _covers(earlier, terms, is_any):
                continue
            if found is None or earlier.rank < found.rank:
                found = earlier
        if found is None:
            return ""
        return (
            f"The rule {found.rule.name} holds for the same requests and is tested first: this rule decides only for "
            f"client keys that may not use {_target(found.rule)}."
        )

    def _named_before(self, conditions: tuple[Condition, ...]) -> str:
        """Says that a rule for the name of a route that does not yield comes too late."""
        for condition in conditions:
            if condition.field != "model" or condition.operator not in ("is", "in"):
                continue
            values = [condition.value] if isinstance(condition.value, str) else condition.value
            names = [self._firm.get(value.lower()) for value in values]
            if all(names):
                shown = " and ".join(str(name) for name in names[:3])
                return (
                    f"Requests that name {shown} get that route at once, since it does not yield to rules: this rule "
                    "has no effect. Switch on “yields to rules” there."
                )
        return ""

    def _rule_without_target(self, rule: Rule) -> str:
        if rule.route_id is not None:
            return self._switched_off(rule.route_id)
        if {(rule.scenario, None), (rule.scenario, rule.team_id)} & self._scenarios:
            return ""
        # A rule of every team leads somewhere where any team's scenario does.
        if rule.team_id is None and any(scenario == rule.scenario for scenario, _ in self._scenarios):
            return ""
        return f"The scenario {rule.scenario} has no route yet: until you give it one, this rule has no effect."

    def _without_target(self, alias: Alias) -> str:
        route = self._routes.get(alias.target)
        if route is not None:
            return self._switched_off(route.pk)
        is_on = self._models.get(alias.target)
        if is_on is None:
            return f"There is no route or model {alias.target} yet: until you add one, this alias has no effect."
        return "" if is_on else f"{alias.target} is switched off: until you switch it on, this alias has no effect."

    def _switched_off(self, route_id: int) -> str:
        if route_id in self._enabled:
            return ""
        return f"The route {self._names[route_id]} is switched off: until you switch it on, this has no effect."

    def _candidates_for(self, terms: _Terms) -> Iterator[_Earlier]:
        yield from self._always
        for term in terms:
            yield from self._by_term[term]

    @cached_property
    def _routes(self) -> dict[str, Route]:
        return {route.name: route for route in Route.objects.only("name", "enabled", "yields")}

    @cached_property
    def _names(self) -> dict[int, str]:
        return {route.pk: route.name for route in self._routes.values()}

    @cached_property
    def _enabled(self) -> frozenset[int]:
        return frozenset(route.pk for route in self._routes.values() if route.enabled)

    @cached_property
    def _firm(self) -> dict[str, str]:
        """The enabled routes that do not yield, by their names in lower case."""
        return {name.lower(): name for name, route in self._routes.items() if route.enabled and not route.yields}

    @cached_property
    def _answered(self) -> frozenset[int]:
        usable = Candidate.objects.filter(enabled=True, model__enabled=True, model__provider__enabled=True)
        return frozenset(usable.order_by().values_list("route_id", flat=True).distinct())

    @cached_property
    def _models(self) -> dict[str, bool]:
        rows = Model.objects.order_by().values_list("provider__name", "name", "enabled", "provider__enabled")
        return {f"{provider}:{name}": enabled and provider_on for provider, name, enabled, provider_on in rows}

    @cached_property
    def _aliases(self) -> list[Alias]:
        return list(Alias.objects.filter(enabled=True))

    @cached_property
    def _scenarios(self) -> frozenset[tuple[str, int | None]]:
        rows = ScenarioRoute.objects.filter(enabled=True, route__enabled=True)
        return frozenset(rows.order_by().values_list("scenario", "team_id"))

    @cached_property
    def _always(self) -> list[_Earlier]:
        return [earlier for earlier in self._rules if not earlier.terms]

    @cached_property
    def _by_term(self) -> dict[bytes, list[_Earlier]]:
        """Rules by a condition that another rule must have for them to cover it: one of all, or any."""
        found: dict[bytes, list[_Earlier]] = defaultdict(list)
        for earlier in self._rules:
            for term in earlier.terms if earlier.is_any else sorted(earlier.terms)[:1]:
                found[term].append(earlier)
        return found

    @cached_property
    def _rules(self) -> list[_Earlier]:
        found = []
        for rank, rule in enumerate(Rule.objects.select_related("route").filter(enabled=True)):
            # Of a scenario that has a route for some teams only, the others pass on.
            if rule.route_id is None and not {(rule.scenario, None), (rule.scenario, rule.team_id)} & self._scenarios:
                continue
            if rule.route_id is not None and rule.route_id not in self._enabled:
                continue
            try:
                conditions = parse_conditions(rule.conditions)
            except ConditionError:
                continue
            found.append(_Earlier(rank, rule, _terms(conditions), _is_any(rule, conditions)))
        return found


def _target(rule: Rule) -> str:
    return f"the route {rule.route.name}" if rule.route is not None else "its scenario's route"


def _terms(conditions: tuple[Condition, ...]) -> _Terms:
    return frozenset(msgspec.json.encode(condition) for condition in conditions)


def _is_any(rule: Rule, conditions: tuple[Condition, ...]) -> bool:
    """Any of one condition is all of it."""
    return rule.match == Rule.Match.ANY and len(conditions) > 1


def _covers(earlier: _Earlier, terms: _Terms, is_any: bool) -> bool:
    """Whether a rule holds whenever one with these terms does."""
    if earlier.is_any:
        return terms <= earlier.terms if is_any else not terms.isdisjoint(earlier.terms)
    return not earlier.terms if is_any else earlier.terms <= terms
