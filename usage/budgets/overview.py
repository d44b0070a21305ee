"""How budgets stand, for lists and pages of administrators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from access.models import Budget
from usage.budgets import checking, periods, standing
from usage.budgets.bound import Bound
from usage.budgets.models import BudgetWindow
from usage.budgets.standing import Standing

PAST = 12
"""Windows before the present one that a page shows."""
MEMBERS = 100
"""Members that a page shows, those first who have spent most."""


class Overview(msgspec.Struct, frozen=True):
    """A budget for its page: its present windows (of a members' budget one for each), past ones, and what workers hold
    that are gone."""

    now: list[Standing]
    more: int
    past: list[BudgetWindow]
    dead: list[checking.Dead]


def of(budget: Budget) -> Overview:
    """Returns the overview of one budget."""
    if budget.members_of_id is None:
        bounds = [Bound(budget)]
    else:
        members = User.objects.filter(memberships__team=budget.members_of_id).order_by("username")
        bounds = standing.of_members(budget, members)
    now = standing.now(bounds)
    if budget.members_of_id is not None:
        now.sort(key=lambda one: -one.spent)
    past = BudgetWindow.objects.filter(budget_id=budget.pk, resets_at__lte=timezone.now())
    dead = checking.dead_workers(budget.pk)
    return Overview(now[:MEMBERS], max(0, len(now) - MEMBERS), list(past.order_by("-resets_at", "-spent")[:PAST]), dead)


def in_list(budgets: Sequence[Budget]) -> list[Standing | None]:
    """Returns how each budget stands; of a members' budget the member who has spent most, None where nobody has."""
    of_members = [budget for budget in budgets if budget.members_of_id is not None]
    first = _most_spent(of_members)
    people = {user.pk: user for user in User.objects.filter(pk__in=first.values())} if first else {}
    bounds = [
        Bound(budget, people.get(first.get(budget.pk, 0))) if budget.members_of_id is not None else Bound(budget)
        for budget in budgets
    ]
    found = standing.now(bounds)
    return [None if one.budget.members_of_id is not None and one.bound.member is None else one for one in found]


def _most_spent(budgets: Sequence[Budget]) -> dict[int, int]:
    """Returns, by the ids of members' budgets, who has spent most in the present window."""
    if not budgets:
        return {}
    moment = timezone.now().timestamp()
    wanted = Q()
    for budget in budgets:
        record = Bound(budget).record()
        resets_at = periods.bounds(record.period, record.zone, record.week_starts, moment)[1]
        wanted |= Q(budget_id=budget.pk, resets_at=datetime.fromtimestamp(resets_at, UTC))
    windows: QuerySet[BudgetWindow] = BudgetWindow.objects.filter(wanted, spent__gt=0)
    return dict(windows.order_by("spent").values_list("budget_id", "subject"))
