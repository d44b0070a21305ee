"""The rows of a dump that an import of keys needs, with where each is."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from configuration.foreign.litellm_keys import allowances, tables
from configuration.foreign.litellm_keys.records import ForeignKey, ForeignTeam, Refused, key_of, names_of_user, team_of
from configuration.foreign.litellm_keys.report import KeyReport
from configuration.foreign.litellm_keys.spend import Spend
from configuration.foreign.litellm_keys.values import is_set, text

MOST_ROWS = 500_000
SESSIONS = "litellm-dashboard"
"""The team of the keys that LiteLLM makes for those who sign in to its pages."""
_NAMED = 3
"""How many of many rows a report names."""


class Membership(NamedTuple):
    """A user in a team, with the id of their budget in it."""

    user: str
    team: str
    budget: str


class Dump:
    """What was read; rows that cannot be are in the report."""

    def __init__(self, report: KeyReport) -> None:
        self.teams: dict[str, tuple[str, ForeignTeam]] = {}
        self.users: dict[str, list[str]] = {}
        self.users_allow: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[str, ForeignKey]] = {}
        self.budgets: dict[str, dict[str, Any]] = {}
        self.memberships: list[Membership] = []
        self.spend = Spend()
        self._others: dict[str, list[str]] = defaultdict(list)
        self._report = report
        self._rows = 0

    def read(self, path: Path) -> None:
        """Reads a dump. Raises UnreadableDump for one without a row of a table that is known."""
        for row in tables.rows_of(path):
            self._rows += row.table != tables.SPEND and row.table not in tables.OTHERS
            if self._rows > MOST_ROWS:
                raise tables.UnreadableDump(
                    f"The dump has more than {MOST_ROWS:,} keys, teams, users and budgets: leave out those that nobody "
                    "uses."
                )
            self._take(row)
        if not self._rows and not self.spend.rows:
            raise tables.UnreadableDump(
                "No row of LiteLLM_VerificationToken or LiteLLM_TeamTable was found. Make a dump with pg_dump "
                "--format=plain, or give a folder with a CSV or JSON file of each table."
            )

    def with_budget(self, own: dict[str, Any], budget: str) -> dict[str, Any]:
        """Returns what a row allows, with what the budget that it refers to says. Raises Refused for a budget that is
        not in the dump."""
        if not budget:
            return own
        if budget not in self.budgets:
            raise Refused(f"its budget {budget} is not in the dump. Export LiteLLM_BudgetTable as well")
        return allowances.filled(own, self.budgets[budget])

    def others(self) -> list[tuple[str, list[str]]]:
        """Returns who else has budgets, such as end users, with the names of a few."""
        return [
            (f"{len(names):,} {what}", names[:_NAMED])
            for table, (what, _) in tables.OTHERS.items()
            if (names := self._others.get(table))
        ]

    def _take(self, row: tables.TableRow) -> None:
        try:
            if row.problem:
                raise Refused(row.problem)
            if row.table == tables.TEAMS:
                team = team_of(row.values)
                self.teams[team.id] = row.place, team
            elif row.table == tables.USERS:
                identity, names = names_of_user(row.values)
                self.users[identity] = names
                self.users_allow[identity] = allowances.fields_of(row.values)
            elif row.table == tables.KEYS:
                key = key_of(row.values)
                self.keys[key.hash] = row.place, key
            elif row.table == tables.SPEND:
                self.spend.add(row.values)
            else:
                self._take_budget(row)
        except Refused as refused:
            self._report.refuse(row.place, row.table, str(refused))

    def _take_budget(self, row: tables.TableRow) -> None:
        budget = text(row.values.get("budget_id"))
        if row.table == tables.BUDGETS:
            self.budgets[budget] = allowances.fields_of(row.values)
        elif row.table == tables.MEMBERSHIPS:
            self.memberships.append(
                Membership(text(row.values.get("user_id")), text(row.values.get("team_id")), budget)
            )
        elif is_set(budget):
            self._others[row.table].append(text(row.values.get(tables.OTHERS[row.table][1]), 80))
