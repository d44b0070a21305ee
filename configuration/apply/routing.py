"""Writes routes with their candidates, and what leads to a route: aliases, scenarios, rules, concepts.

The candidates in the file are all that a route has, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from configuration.apply.context import ImportContext
from configuration.file.exporting import model_name
from configuration.file.fields import values_of
from configuration.file.schema import (
    AliasEntry,
    CandidateEntry,
    ConceptEntry,
    Configuration,
    ConfigurationError,
    RouteEntry,
    RuleEntry,
    ScenarioEntry,
)
from providers.models import Model
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute


def write_routes(context: ImportContext, entries: Sequence[RouteEntry]) -> None:
    """Writes the routes with their candidates. Raises ConfigurationError."""
    _clear_other_defaults(context, entries)
    existing = {row.name: row for row in Route.objects.all()}
    models = {model_name(model): model for model in Model.objects.select_related("provider")} if entries else {}
    names: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("routes", number, f"route {entry.name}")
        context.refuse_duplicate(place, names, entry.name)
        route = existing.get(entry.name) or Route(name=entry.name)
        context.save(place, route, entry.name, entry)
        if entry.candidates is not UNSET:
            _write_candidates(context, place, route, entry.candidates, models)
        elif context.complete:
            _write_candidates(context, place, route, [], models)


def _clear_other_defaults(context: ImportContext, entries: Sequence[RouteEntry]) -> None:
    """Only one route can be the default: if the file names one, the current default loses the mark."""
    chosen = [entry.name for entry in entries if entry.is_default is True]
    if len(chosen) > 1:
        raise ConfigurationError(f"routes: Only one route can be the default, but {' and '.join(chosen)} are.")
    for route in Route.objects.filter(is_default=True).exclude(name__in=chosen) if chosen else ():
        Route.objects.filter(pk=route.pk).update(is_default=False)
        context.report.add_change(route, route.name, ("default", "yes", "no"))


def _write_candidates(
    context: ImportContext, place: str, route: Route, entries: Sequence[CandidateEntry], models: Mapping[str, Model]
) -> None:
    rows_in_order = route.candidates.select_related("model__provider").order_by("position", "id")
    existing = {row.model_id: row for row in rows_in_order}
    before = list(existing)
    rows = []
    taken: set[Any] = set()
    for number, entry in enumerate(entries):
        where = f"{place}.candidates[{number}]"
        model = models.get(entry.model)
        if model is None:
            hint = "" if ":" in entry.model else " Write provider:model."
            raise ConfigurationError(
                f"{where}.model: Model {entry.model!r} exists neither in the database nor in the file.{hint}"
            )
        context.refuse_duplicate(where, taken, model.pk)
        rows.append((where, model, entry))
    in_order = [model.pk for _, model, _ in rows] == before
    for row in [row for pk, row in existing.items() if pk not in taken]:
        context.report.remove(row, f"{route.name} → {model_name(row.model)}")
    for number, (where, model, entry) in enumerate(rows):
        row = existing.get(model.pk) or Candidate(route=route, model=model)
        values = values_of(entry, Candidate, complete=context.complete)
        if not in_order:
            values["position"] = number
        context.report.save(where, row, f"{route.name} → {model_name(model)}", values)


def write_targeting(context: ImportContext, configuration: Configuration) -> None:
    """Writes aliases, scenarios, rules and concepts, after the routes. Raises ConfigurationError."""
    _write_aliases(context, configuration.aliases)
    _write_scenarios(context, configuration.scenarios)
    _write_rules(context, configuration.rules)
    _write_concepts(context, configuration.concepts)


def _write_aliases(context: ImportContext, entries: Sequence[AliasEntry]) -> None:
    existing = {row.pattern: row for row in Alias.objects.all()}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("aliases", number, f"alias {entry.pattern}")
        context.refuse_duplicate(place, seen, entry.pattern)
        context.save(place, existing.get(entry.pattern) or Alias(pattern=entry.pattern), entry.pattern, entry)


def _write_scenarios(context: ImportContext, entries: Sequence[ScenarioEntry]) -> None:
    existing = {(row.scenario, row.team): row for row in ScenarioRoute.objects.select_related("team", "route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        name = entry.scenario if entry.team is None else f"{entry.scenario} of {entry.team}"
        place = context.place("scenarios", number, f"scenario {name}")
        context.refuse_duplicate(place, seen, (entry.scenario, entry.team))
        team = None if entry.team is None else context.team(f"{place}.team", entry.team)
        row = existing.get((entry.scenario, team))
        related = {} if entry.route is UNSET else {"route": context.route(f"{place}.route", entry.route)}
        context.save(place, row or ScenarioRoute(scenario=entry.scenario, team=team), name, entry, **related)


def _write_rules(context: ImportContext, entries: Sequence[RuleEntry]) -> None:
    existing = {row.name: row for row in Rule.objects.select_related("team", "route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("rules", number, f"rule {entry.name}")
        context.refuse_duplicate(place, seen, entry.name)
        related: dict[str, Any] = {}
        if entry.team is not UNSET or context.complete:
            related["team"] = context.team(f"{place}.team", entry.team) if entry.team else None
        if entry.route is not UNSET or entry.scenario is not UNSET or context.complete:
            # A rule has one target: where the file gives one of the two, the other is emptied.
            related["route"] = context.route(f"{place}.route", entry.route) if entry.route else None
            related["scenario"] = entry.scenario if entry.scenario else ""
        context.save(place, existing.get(entry.name) or Rule(name=entry.name), entry.name, entry, **related)


def _write_concepts(context: ImportContext, entries: Sequence[ConceptEntry]) -> None:
    existing = {row.name: row for row in Concept.objects.select_related("route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("concepts", number, f"concept {entry.name}")
        context.refuse_duplicate(place, seen, entry.name)
        related = {} if entry.route is UNSET else {"route": context.route(f"{place}.route", entry.route)}
        context.save(place, existing.get(entry.name) or Concept(name=entry.name), entry.name, entry, **related)
