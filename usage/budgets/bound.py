"""A budget as it is stored, with the person whom it binds: what its record is made of."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.contrib.auth.models import User

from access.allowances.budgets import BudgetRecord
from access.allowances.time_zones import zone_of
from access.keys import allowed_pattern
from access.models import Budget, Team
from usage.money import to_pico


class Bound(msgspec.Struct, frozen=True):
    """A budget that binds somebody; `member` is the person where it is each member's."""

    budget: Budget
    member: User | None = None

    @property
    def team(self) -> Team | None:
        """The team that it belongs to, None for a budget of one person in all teams."""
        budget = self.budget
        return budget.key.team if budget.key is not None else budget.team or budget.members_of

    @property
    def zone(self) -> str:
        """The name of the time zone in which its periods begin: the team's, else the gateway's."""
        return zone_of(self.team.time_zone if self.team is not None else "").key

    @property
    def label(self) -> str:
        """Whose it is, such as "of team Blue"."""
        budget = self.budget
        if budget.key is not None:
            return f"of the key {budget.key.name!r}"
        if budget.user is not None:
            return f"of {budget.user.get_username()}"
        if self.member is not None:
            return f"of {self.member.get_username()} in team {budget.members_of}"
        return f"of team {budget.team}" if budget.team is not None else f"of each member of team {budget.members_of}"

    def record(self) -> BudgetRecord:
        """Returns what requests know of it."""
        budget = self.budget
        of_member = budget.members_of_id is not None
        subject = self.member.pk if self.member is not None else 0
        return BudgetRecord(
            id=budget.pk,
            whom="member" if of_member else budget.whom,
            label=self.label,
            amount=to_pico(budget.amount),
            period=budget.period,
            zone=self.zone,
            counts_from=budget.created_at.timestamp(),
            subject=subject,
            week_starts=budget.week_starts,
            models=budget.model_names,
            model_names=allowed_pattern(budget.model_names),
            hard=budget.hard,
            key_id=budget.key_id,
            owner_id=subject if of_member else budget.user_id,
            team_id=budget.members_of_id if of_member else budget.team_id,
        )


def as_stored(records: Sequence[BudgetRecord]) -> list[BudgetRecord]:
    """Returns the same budgets, in the same order, as they are defined now; those that are deleted as they are given.

    Of a budget that has become one of each member it is that of the given subject.
    """
    related = ("key__team", "user", "team", "members_of")
    budgets = Budget.objects.select_related(*related).in_bulk([record.id for record in records])
    people = User.objects.in_bulk([record.subject for record in records if record.subject])
    made = []
    for record in records:
        budget = budgets.get(record.id)
        made.append(record if budget is None else Bound(budget, _member(budget, people.get(record.subject))).record())
    return made


def _member(budget: Budget, person: User | None) -> User | None:
    return person if budget.members_of_id is not None else None
