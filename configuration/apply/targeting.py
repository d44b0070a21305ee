"""What leads to a route into rows: aliases, scenarios, rules, concepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from configuration.apply.context import Task
from configuration.file.schema import AliasEntry, ConceptEntry, Configuration, RuleEntry, ScenarioEntry
from routing.models import Alias, Concept, Rule, ScenarioRoute


def apply(task: Task, configuration: Configuration) -> None:
    """Write them all; the routes are there already."""
    _aliases(task, configuration.aliases)
    _scenarios(task, configuration.scenarios)
    _rules(task, configuration.rules)
    _concepts(task, configuration.concepts)


def _aliases(task: Task, entries: Sequence[AliasEntry]) -> None:
    here = {row.pattern: row for row in Alias.objects.all()}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("aliases", number, f"alias {entry.pattern}")
        task.once(place, seen, entry.pattern)
        task.put(place, here.get(entry.pattern) or Alias(pattern=entry.pattern), entry.pattern, entry)


def _scenarios(task: Task, entries: Sequence[ScenarioEntry]) -> None:
    here = {(row.scenario, row.team): row for row in ScenarioRoute.objects.select_related("team", "route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        name = entry.scenario if entry.team is None else f"{entry.scenario} of {entry.team}"
        place = task.place("scenarios", number, f"scenario {name}")
        task.once(place, seen, (entry.scenario, entry.team))
        team = None if entry.team is None else task.team(f"{place}.team", entry.team)
        row = here.get((entry.scenario, team))
        related = {} if entry.route is UNSET else {"route": task.route(f"{place}.route", entry.route)}
        task.put(place, row or ScenarioRoute(scenario=entry.scenario, team=team), name, entry, **related)


def _rules(task: Task, entries: Sequence[RuleEntry]) -> None:
    here = {row.name: row for row in Rule.objects.select_related("team", "route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("rules", number, f"rule {entry.name}")
        task.once(place, seen, entry.name)
        related: dict[str, Any] = {}
        if entry.team is not UNSET or task.complete:
            related["team"] = task.team(f"{place}.team", entry.team) if entry.team else None
        if entry.route is not UNSET or entry.scenario is not UNSET or task.complete:
            # Whichever of the two is said, the other one is not.
            related["route"] = task.route(f"{place}.route", entry.route) if entry.route else None
            related["scenario"] = entry.scenario if entry.scenario else ""
        task.put(place, here.get(entry.name) or Rule(name=entry.name), entry.name, entry, **related)


def _concepts(task: Task, entries: Sequence[ConceptEntry]) -> None:
    here = {row.name: row for row in Concept.objects.select_related("route")}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("concepts", number, f"concept {entry.name}")
        task.once(place, seen, entry.name)
        related = {} if entry.route is UNSET else {"route": task.route(f"{place}.route", entry.route)}
        task.put(place, here.get(entry.name) or Concept(name=entry.name), entry.name, entry, **related)
