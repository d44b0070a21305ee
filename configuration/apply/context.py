"""What every part of an import needs: the ledger, how to read what a file does not say, and rows by their names."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import Model as Row

from access.models import Team
from configuration.apply.import_report import ConfigurationError, Ledger
from configuration.file import schema
from configuration.file.fields import wanted_of
from routing.models import Route


class Task:
    """One import. `seen` holds the ids of the rows that the file spoke of."""

    def __init__(self, ledger: Ledger, *, complete: bool, foreign: bool) -> None:
        self.ledger = ledger
        self.complete = complete
        self.foreign = foreign
        self._routes: dict[str, Route] | None = None
        self._teams: dict[str, Team] | None = None
        self.seen: dict[type[Row], set[int]] = defaultdict(set)

    def put(self, place: str, row: Row, name: str, entry: schema.Entry, **related: Any) -> None:
        """Write what an entry says into a row; `related` are values that do not stand in the entry itself."""
        wanted = {**wanted_of(entry, type(row), complete=self.complete), **related}
        self.ledger.put(place, row, name, wanted)
        self.seen[type(row)].add(row.pk)

    def place(self, section: str, number: int, name: str) -> str:
        """Where an entry stands: in our own file by its number, in others' by its name."""
        return name if self.foreign else f"{section}[{number}]"

    def route(self, place: str, name: str) -> Route:
        """The route of a name, once all routes are written. Raises ConfigurationError."""
        if self._routes is None:
            self._routes = {route.name: route for route in Route.objects.all()}
        route = self._routes.get(name)
        if route is None:
            raise ConfigurationError(f"{place}: There is no route {name!r}, neither here nor in the file.")
        return route

    def team(self, place: str, name: str) -> Team:
        """The team of a name, once all teams are written. Raises ConfigurationError."""
        if self._teams is None:
            self._teams = {team.name: team for team in Team.objects.all()}
        team = self._teams.get(name)
        if team is None:
            raise ConfigurationError(f"{place}: There is no team {name!r}, neither here nor in the file.")
        return team

    def once(self, place: str, seen: set[Any], identity: Any) -> None:
        """Refuse an entry that stands in the file twice. Raises ConfigurationError."""
        if identity in seen:
            raise ConfigurationError(f"{place}: This stands in the file a second time.")
        seen.add(identity)
