"""Loads what leads to a route: aliases, scenarios, rules and concepts."""

from __future__ import annotations

from routing.loading import BrokenConfiguration
from routing.models import Alias, Concept, Rule, ScenarioRoute
from routing.rules.aliases import AliasIndex, make_alias
from routing.rules.buckets import RuleIndex, make_rule
from routing.rules.concepts import ConceptConfig, ConceptIndex, words_of
from routing.rules.conditions import ConditionError, parse_conditions
from routing.snapshot import RouteConfig, ScenarioConfig


def aliases() -> AliasIndex:
    """Returns the aliases in the order in which they are compared."""
    return AliasIndex([make_alias(row.pattern, row.target) for row in Alias.objects.filter(enabled=True)])


def scenarios(routes: dict[str, RouteConfig]) -> dict[tuple[str, int | None], ScenarioConfig]:
    """Returns the scenarios whose routes are switched on."""
    rows = ScenarioRoute.objects.select_related("route").filter(enabled=True)
    return {
        (row.scenario, row.team_id): ScenarioConfig(routes[row.route.name], row.threshold)
        for row in rows
        if row.route.name in routes
    }


def rules() -> RuleIndex:
    """Returns the rules, indexed. Raises BrokenConfiguration."""
    loaded = []
    for rank, row in enumerate(Rule.objects.select_related("route").filter(enabled=True)):
        try:
            rule = make_rule(
                row.pk,
                row.name,
                rank,
                parse_conditions(row.conditions),
                match="any" if row.match == Rule.Match.ANY else "all",
                team_id=row.team_id,
                route=row.route.name if row.route is not None else "",
                scenario=row.scenario,
            )
        except ConditionError as error:
            raise BrokenConfiguration(f"The rule {row.name} has an invalid condition: {error}") from error
        loaded.append(rule)
    return RuleIndex(loaded)


def concepts() -> ConceptIndex:
    """Returns the concepts, indexed."""
    rows = Concept.objects.select_related("route").filter(enabled=True)
    return ConceptIndex(
        [ConceptConfig(row.name, words_of(row.name, row.synonyms), row.route.name, row.priority) for row in rows]
    )
