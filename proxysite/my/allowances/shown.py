"""What binds inside a team, as sentences for its leads: whom each budget and limit binds, how much that is together,
and what binds besides. All that binds a request counts at once, so nothing that a lead sets lifts anything else."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from access.allowances.loading import replaces
from access.allowances.models import OF_LEADS, Allowance, amount_of
from access.models import Budget, ClientKey, RateLimit, Team
from access.permissions import may
from access.roles.scope import visible
from proxysite.my import scope
from usage.budgets import standing
from usage.reports.formatting import dollars

_OFF = "It is off: nothing is refused, and nobody is warned."
_WARNS = "It only warns: requests go on beyond it."


class Line(msgspec.Struct, frozen=True):
    """One budget or limit in a list; `binds` says whom in few words, `meaning` what that amounts to."""

    row: Any
    binds: str
    meaning: str
    may_change: bool

    @property
    def amount(self) -> str:
        """How much of what, for which models."""
        return amount_in_words(self.row)

    @property
    def state(self) -> str:
        """Whether it refuses nothing: off, or warns only."""
        if isinstance(self.row, RateLimit) or (self.row.enabled and self.row.hard):
            return ""
        return "warns only" if self.row.enabled else "off"


def owned(key: ClientKey) -> str:
    """Returns a key with whose it is."""
    return f"{key.name} ({key.owner.get_username() if key.owner is not None else 'service key'})"


def amount_in_words(row: Any) -> str:
    """Returns how much of what: `$50.00 a month for claude-*`, `60 requests a minute`."""
    if isinstance(row, RateLimit):
        return row.amount
    models = ", ".join(row.model_names.split())
    return f"{row} for {models}" if models else str(row)


def rows_of(person: User, team: Team, kind: type[Allowance]) -> QuerySet[Any]:
    """Returns the budgets or limits of a team, of each member of it and of its keys that are not revoked."""
    of_team = Q(team=team) | Q(members_of=team) | Q(key__team=team, key__revoked_at=None)
    rows: QuerySet[Any] = visible(person, kind._default_manager.filter(of_team))
    return rows.select_related("key__owner", "key__team", "team", "members_of").order_by("key__name", "id")


class Inside:
    """All budgets and limits inside one team, for its lead `person`."""

    def __init__(self, person: User, team: Team) -> None:
        self._person = person
        self.team = team
        self.members = [one.user for one in scope.members(person, team)]
        self.budgets: list[Budget] = list(rows_of(person, team, Budget))
        self.limits: list[RateLimit] = list(rows_of(person, team, RateLimit))
        self._answers: dict[tuple[type[Allowance], bool], bool] = {}

    def lines(self, rows: Iterable[Any]) -> list[Line]:
        """Returns rows for a list: the team's own, each member's, the keys'."""
        order = ("team", "members_of", "key")
        return [
            Line(row, self._binds(row), self.meaning(row), self._may_change(row))
            for row in sorted(rows, key=lambda row: order.index(row.whom))
        ]

    def _may_change(self, row: Any) -> bool:
        """Whether the person may change a row here: one inside the team. Asks once for all rows of a kind."""
        if row.whom not in OF_LEADS:
            return False
        asked = type(row), row.leads_may_change
        if asked not in self._answers:
            permission = f"access.change_{row._meta.model_name}"
            like = type(row)(members_of=self.team, leads_may_change=row.leads_may_change)
            self._answers[asked] = may(self._person, permission, like)
        return self._answers[asked]

    def meaning(self, row: Any) -> str:
        """Returns what a budget or limit amounts to, in sentences."""
        if isinstance(row, Budget) and not row.enabled:
            return _OFF
        if row.whom == "team":
            sentences = ["Binds all keys of the team together, whatever is set for each of them."]
        elif row.whom == "members_of":
            sentences = self._of_members(row)
        else:
            sentences = ["Binds all requests with this key."]
        if isinstance(row, Budget) and not row.hard:
            sentences.append(_WARNS)
        return " ".join([*sentences, *self.besides(row)])

    def besides(self, row: Any) -> list[str]:
        """Returns the sentence about what binds the same requests and is not lifted; none where nothing does."""
        if row.whom == "team":
            return []
        others = [f"the team's {amount_in_words(one)}" for one in self._alike(row, "team")]
        if row.key is not None and row.key.owner is not None:
            others += [f"each member's {amount_in_words(one)}" for one in self._alike(row, "members_of")]
        if not others:
            return []
        all_of_it = " all" if row.whom == "members_of" else ""
        *first, last = others
        named = f"{', '.join(first)} and {last}" if first else last
        return [f"{named[0].upper()}{named[1:]} still bind{'s' if len(others) == 1 else ''}{all_of_it or ' it'}."]

    def sums(self) -> list[str]:
        """Returns, by period, how much the hard budgets of several keys are together."""
        found = []
        for period, name in Budget.Period.choices:
            amounts = [row.amount for row in self.budgets if row.key_id is not None and _refuses(row, period)]
            if len(amounts) < 2:
                continue
            together = sum(amounts, Decimal(0))
            above = self._above(period, together)
            found.append(f"{len(amounts)} budgets of keys are {dollars(together)} {name} together{above}.")
        return found

    def _binds(self, row: Allowance) -> str:
        if row.key is not None:
            return owned(row.key)
        return "each member" if row.whom == "members_of" else "the team as a whole"

    def _of_members(self, row: Any) -> list[str]:
        bound, replaced = self._bound_members(row)
        number = len(bound)
        if isinstance(row, RateLimit):
            together = amount_of(number * row.most, row.measure, row.per)
        else:
            together = f"{dollars(number * row.amount)} {row.get_period_display()}"
        sentences = [f"Binds each of {number} members by themselves."]
        if number == 1:
            sentences = ["Binds the only member."] if len(self.members) == 1 else ["Binds one member."]
        elif number:
            sentences.append(f"Together that is at most {together}.")
        if replaced:
            names = ", ".join(user.get_username() for user in replaced)
            own = "limit" if isinstance(row, RateLimit) else "budget"
            sentences.append(f"A {own} of their own, which an administrator set, counts instead for {names}.")
        return sentences

    def _bound_members(self, row: Any) -> tuple[list[User], list[User]]:
        """Those whom a row for each member binds, and those who have one of their own instead."""
        if isinstance(row, RateLimit):
            replaced = {own.user_id for own in self._own_limits if (own.measure, own.per) == (row.measure, row.per)}
        else:
            replaced = {own.user_id for own in self._own_budgets if replaces(own, row)}
        bound = [user for user in self.members if user.pk not in replaced]
        return bound, [user for user in self.members if user.pk in replaced]

    @cached_property
    def _own_limits(self) -> list[RateLimit]:
        return list(RateLimit.objects.filter(user__in=self.members))

    @cached_property
    def _own_budgets(self) -> list[Budget]:
        return standing.own_of(self.members)

    def _alike(self, row: Any, whom: str) -> list[Any]:
        """Those of the same kind that refuse requests and bind as `whom`."""
        if isinstance(row, RateLimit):
            return [one for one in self.limits if one.whom == whom and one.measure == row.measure]
        return [one for one in self.budgets if one.whom == whom and one.enabled and one.hard]

    def _above(self, period: str, together: Decimal) -> str:
        """Returns a remark where budgets are more than the team's own of the same period."""
        own = [row.amount for row in self.budgets if row.whom == "team" and _refuses(row, period)]
        return f", more than the team's own {dollars(min(own))}" if own and together > min(own) else ""


def _refuses(row: Budget, period: str) -> bool:
    return row.period == period and row.enabled and row.hard and not row.model_names
