"""The pages of budgets: a person's own, and a lead's of their team and each of its members."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.models import Budget, IncreaseRequest, Team
from access.roles.scope import visible
from proxysite.my import scope
from proxysite.my.budgets import asking, shown
from proxysite.my.budgets.shown import Shown, pace_of
from proxysite.my.site import page as render
from usage.budgets import pace, standing
from usage.budgets.bound import Bound
from usage.budgets.standing import Standing

_ANSWERED = 20


class MemberBudget(msgspec.Struct, frozen=True):
    """How the budget of each member stands for one of them."""

    shown: Shown
    per_day: Decimal
    runs_out: str

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return self.shown.standing

    @property
    def member(self) -> User | None:
        """Whose it is."""
        return self.standing.bound.member


class OfMembers(msgspec.Struct, frozen=True):
    """A budget of each member, for all of them. `replaced` are those whose own budget counts in its place."""

    budget: Budget
    members: list[MemberBudget]
    replaced: list[User]

    @property
    def title(self) -> str:
        """The amount, and the period."""
        return str(self.budget)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows the budgets that bind the person."""
    person = scope.person_of(request)
    return render(
        request, "my/budgets.html", "My budgets",
        budgets=shown.of_person(person), answered=asking.answered(person), pace_days=pace.DAYS,
    )  # fmt: skip


@require_safe
def team_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows the budgets of a team, of its keys and of each member, and what its people ask for."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    budgets = standing.of_team(team)
    everybody = [membership.user for membership in scope.members(person, team)]
    own = [Bound(budget) for budget in budgets if budget.members_of_id is None]
    waiting = asking.to_decide(person)
    answered = visible(person, IncreaseRequest.objects.filter(team=team, decided_at__isnull=False))
    return render(
        request, "my/team_budgets.html", f"Budgets of {team}", team=team,
        budgets=shown.described(person, own),
        of_members=[_of_members(budget, everybody) for budget in budgets if budget.members_of_id is not None],
        waiting=[one for one in waiting if one.row.team_id == team.pk],
        answered=answered.select_related("user", "decided_by", "budget__key", "budget__team", "budget__members_of")
        .order_by("-decided_at")[:_ANSWERED],
        pace_days=pace.DAYS,
    )  # fmt: skip


def _of_members(budget: Budget, everybody: list[User]) -> OfMembers:
    """Returns how each member stands, those nearest to their limits first: three queries for all of them."""
    now = timezone.now()
    bounds = standing.of_members(budget, everybody)
    spent = pace.spent_by_member(Bound(budget), pace.recent(now))
    found = []
    for one in standing.now(bounds, now):
        member = one.bound.member
        per_day = pace.per_day(one.bound, spent.get(member.pk, {}) if member is not None else {}, now)
        words = pace_of(one, per_day, pace.runs_out_at(one, per_day, now))
        found.append(MemberBudget(Shown(one), round(per_day, 4), words))
    bound = {one.member for one in bounds}
    found.sort(key=lambda one: (-one.standing.percent, str(one.member)))
    return OfMembers(budget, found, [user for user in everybody if user not in bound])


def pools(person: User, team: Team) -> list[Shown]:
    """Returns the budgets of a team as a whole, for its first page."""
    budgets = [Bound(budget) for budget in standing.of_team(team) if budget.team_id is not None]
    return shown.described(person, budgets)
