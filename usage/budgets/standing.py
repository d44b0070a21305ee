"""How budgets stand now: what may be spent, what was, what is left, and when that begins anew.

A budget that nobody has spent from in this period has no window in the database yet: it stands at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from access.allowances.budgets import BudgetRecord
from access.allowances.loading import replaces
from access.models import Budget, ClientKey, Membership, Team
from usage.budgets import periods, windows
from usage.budgets.bound import Bound
from usage.money import to_dollars

_ALL = Decimal(100)
_ZERO = Decimal(0)
_AT_ONCE = 200
"""Windows that one query asks for: SQLite has a limit on the length of a condition."""


class Standing(msgspec.Struct, frozen=True):
    """One budget at one moment. Money is in US dollars; `resets_at` is None for a budget in total."""

    bound: Bound
    starts_at: datetime
    resets_at: datetime | None
    raised: Decimal = _ZERO
    """What was added for this window alone."""
    spent: Decimal = _ZERO
    drawn: Decimal = _ZERO
    """What workers hold for requests that are under way."""

    @property
    def budget(self) -> Budget:
        """The definition."""
        return self.bound.budget

    @property
    def limit(self) -> Decimal:
        """What may be spent in this window."""
        return self.budget.amount + self.raised

    @property
    def left(self) -> Decimal:
        """What is neither spent nor held."""
        return max(_ZERO, self.limit - self.spent - self.drawn)

    @property
    def overdraft(self) -> Decimal:
        """What was spent beyond the limit."""
        return max(_ZERO, self.spent - self.limit)

    @property
    def percent(self) -> int:
        """How much of the limit is spent, more than 100 for an overdraft; rounded down."""
        return int(self.share_of_limit(self.spent))

    def share_of_limit(self, amount: Decimal) -> Decimal:
        """Returns what percent of the limit an amount is. Of a limit of nothing any amount is all."""
        return amount * 100 / self.limit if self.limit > 0 else _ALL if amount else _ZERO


def of_person(person: User) -> list[Bound]:
    """Returns the budgets that bind a person: their own, those of their teams, each member's there, those of their
    keys."""
    teams = list(Membership.objects.filter(user_id=person.pk).values_list("team_id", flat=True))
    keys = Q(key__owner_id=person.pk, key__team__in=teams, key__revoked_at=None)
    return _bound(Q(user_id=person.pk) | Q(team__in=teams) | Q(members_of__in=teams) | keys, person)


def of_key(key: ClientKey) -> list[Bound]:
    """Returns the budgets that bind a client key. A service key is bound by none of a person."""
    where = Q(key_id=key.pk) | Q(team_id=key.team_id)
    if key.owner is not None:
        where |= Q(user_id=key.owner_id) | Q(members_of_id=key.team_id)
    return _bound(where, key.owner)


def of_team(team: Team) -> list[Budget]:
    """Returns the budgets of a team: its own, each member's, those of its keys."""
    return list(_rows(Q(team=team) | Q(members_of=team) | Q(key__team=team, key__revoked_at=None)))


def of_members(budget: Budget, members: Iterable[User]) -> list[Bound]:
    """Returns what a budget of each member is for each of these people, but for those whose own budget replaces it."""
    members = list(members)
    replaced = {row.user_id for row in own_of(members) if replaces(row, budget)}
    return [Bound(budget, member) for member in members if member.pk not in replaced]


def own_of(members: Iterable[User]) -> list[Budget]:
    """Returns the budgets of these people's own that are not off."""
    return list(Budget.objects.filter(enabled=True, user__in=members))


def now(bounds: Sequence[Bound], moment: datetime | None = None) -> list[Standing]:
    """Returns how budgets stand, in the same order, from one query for each _AT_ONCE of them."""
    moment = moment or timezone.now()
    records = [one.record() for one in bounds]
    found: list[windows.Window | None] = []
    for first in range(0, len(records), _AT_ONCE):
        found += windows.look(records[first : first + _AT_ONCE], moment.timestamp())
    return [
        _standing(bound, record, window, moment) for bound, record, window in zip(bounds, records, found, strict=True)
    ]


def _standing(bound: Bound, record: BudgetRecord, window: windows.Window | None, moment: datetime) -> Standing:
    starts_at, resets_at = periods.bounds(record.period, record.zone, record.week_starts, moment.timestamp())
    begun = _time(max(starts_at, record.counts_from) if window is None else window.starts_at)
    resets = None if resets_at == periods.NEVER else _time(resets_at)
    amounts = (0, 0, 0) if window is None else (window.raised, window.spent, window.drawn)
    return Standing(bound, begun, resets, *map(to_dollars, amounts))


def _time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _bound(where: Q, member: User | None) -> list[Bound]:
    budgets = list(_rows(where))
    own = [budget for budget in budgets if budget.user_id is not None]
    return [
        Bound(budget, member if budget.members_of_id is not None else None)
        for budget in budgets
        if budget.members_of_id is None or not any(replaces(one, budget) for one in own)
    ]


def _rows(where: Q) -> QuerySet[Budget]:
    rows = Budget.objects.filter(where, enabled=True).order_by("id")
    return rows.select_related("key__team", "key__owner", "team", "members_of", "user")
