"""What every part of an import needs: the report, the file's mode, and rows by their names."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model as Row

from access.models import Team
from configuration.apply.import_report import ImportReport
from configuration.file import schema
from configuration.file.fields import values_of
from configuration.file.schema import ConfigurationError
from routing.models import Route


class ImportContext:
    """One import. `seen` holds the ids of the rows that the file mentions; `names_people`: it says whose a key is."""

    def __init__(self, report: ImportReport, *, complete: bool, foreign: bool) -> None:
        self.report = report
        self.complete = complete
        self.foreign = foreign
        self.names_people = False
        self._routes: dict[str, Route] | None = None
        self._teams: dict[str, Team] | None = None
        self._people: dict[str, User] | None = None
        self.seen: dict[type[Row], set[int]] = defaultdict(set)

    def save(self, place: str, row: Row, name: str, entry: schema.Entry, **related: Any) -> None:
        """Writes an entry's values into a row; `related` are values that the entry does not hold itself."""
        values = {**values_of(entry, type(row), complete=self.complete), **related}
        self.report.save(place, row, name, values)
        self.seen[type(row)].add(row.pk)

    def place(self, section: str, number: int, name: str) -> str:
        """Where an entry is: in this gateway's own file by its number, in others' by its name."""
        return name if self.foreign else f"{section}[{number}]"

    def route(self, place: str, name: str) -> Route:
        """The route of a name, once all routes are written. Raises ConfigurationError."""
        if self._routes is None:
            self._routes = {route.name: route for route in Route.objects.all()}
        route = self._routes.get(name)
        if route is None:
            raise ConfigurationError(f"{place}: Route {name!r} exists neither in the database nor in the file.")
        return route

    def team(self, place: str, name: str) -> Team:
        """The team of a name, once all teams are written. Raises ConfigurationError."""
        if self._teams is None:
            self._teams = {team.name: team for team in Team.objects.all()}
        team = self._teams.get(name)
        if team is None:
            raise ConfigurationError(f"{place}: Team {name!r} exists neither in the database nor in the file.")
        return team

    def person(self, place: str, username: str) -> User:
        """The account of a username, once those of the file are written. Raises ConfigurationError."""
        if self._people is None:
            self._people = {user.username: user for user in User.objects.all()}
        person = self._people.get(username)
        if person is None:
            raise ConfigurationError(
                f"{place}: There is no account {username!r}. Create it first, or list it under `people`: "
                "`export_config --people` writes them."
            )
        return person

    def refuse_duplicate(self, place: str, seen: set[Any], identity: Any) -> None:
        """Raises ConfigurationError for an entry that the file defines twice."""
        if identity in seen:
            raise ConfigurationError(f"{place}: This entry is defined twice.")
        seen.add(identity)
