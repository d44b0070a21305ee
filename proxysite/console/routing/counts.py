"""How often each thing that routing decides by decided lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from routing.loading import targeting
from routing.models import Alias, ScenarioRoute
from routing.phases.names import spellings
from usage.reports.decisions import Matched


class Counts:
    """Requests by phase and by what matched in it. Things are known by their names of that time."""

    def __init__(self, matched: Iterable[Matched], scenarios: Iterable[ScenarioRoute], routes: frozenset[str]) -> None:
        self._matched = list(matched)
        self._own = {(row.scenario, row.team_id) for row in scenarios if row.enabled and row.team_id is not None}
        self._phases: Counter[str] = Counter()
        self._things: Counter[tuple[str, str]] = Counter()
        self._scenarios: Counter[tuple[str, int | None]] = Counter()
        for one in self._matched:
            self._phases[one.phase] += one.requests
            self._things[one.phase, one.rule] += one.requests
            if one.phase in ("scenarios", "default_route"):
                team = one.team_id if (one.rule, one.team_id) in self._own else None
                self._scenarios[one.rule, team] += one.requests
        self._aliases, self.single_models = self._named(routes)

    def of_phase(self, phase: str) -> int:
        """Returns how many requests a phase chose for; "" are those that none chose for."""
        return self._phases[phase]

    def of(self, phase: str, name: str) -> int:
        """Returns how many requests this decided on."""
        return self._things[phase, name]

    def of_scenario(self, row: ScenarioRoute) -> int:
        """Returns how many requests got a scenario's route: of its team, or of the teams without one of their own."""
        return self._scenarios[row.scenario, row.team_id]

    def of_alias(self, alias: Alias) -> int:
        """Returns how many requests asked for a name that an alias resolved."""
        return self._aliases[alias.pattern]

    @property
    def total(self) -> int:
        """All requests."""
        return self._phases.total()

    def _named(self, routes: frozenset[str]) -> tuple[Counter[str], int]:
        """Requests by alias, and those that named one model at its provider: rows hold what a name led to."""
        index = targeting.aliases()
        aliases: Counter[str] = Counter()
        single = 0
        for one in self._matched:
            if one.phase != "name" or one.request_model == one.rule:
                single += one.requests if one.phase == "name" and one.rule not in routes else 0
                continue
            led = (alias for name in spellings(one.request_model) for alias in index.matching(name))
            alias = next((alias for alias in led if alias.target == one.rule), None)
            if alias is not None:
                aliases[alias.pattern] += one.requests
            elif one.rule not in routes:
                single += one.requests
        return aliases, single
