"""Creates the windows of the present for all budgets that are on, whether anybody draws from them or not: budgets that
only warn are never drawn from, and a request does not wait until its budget's rows are added up."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from access.models import Budget
from usage.budgets import locks, standing, windows
from usage.budgets.bound import Bound

_AT_ONCE = 200
"""Windows that one query asks for: SQLite has a limit on the length of a condition."""


def open_windows(*, unless_another: bool = False) -> int:
    """Creates the windows that are missing, each in a transaction of its own; returns their number. Of each member's
    budget those of members with keys. Raises django.db.Error.

    `unless_another`: leaves the rest to another worker that is at it. At a reset all workers find the same windows
    missing, and writers of usage rows would wait for each of them.
    """
    moment = timezone.now().timestamp()
    records = [bound.record() for bound in _bounds()]
    opened = 0
    for first in range(0, len(records), _AT_ONCE):
        some = records[first : first + _AT_ONCE]
        for record, window in zip(some, windows.look(some, moment), strict=True):
            if window is not None:
                continue
            with transaction.atomic():
                if unless_another and not locks.try_for_opening():
                    return opened
                windows.ensure([record], moment)
            opened += 1
    return opened


def _bounds() -> Iterator[Bound]:
    related = ("key__team", "key__owner", "user", "team", "members_of")
    for budget in Budget.objects.filter(enabled=True).select_related(*related).order_by("id"):
        if budget.members_of_id is None:
            yield Bound(budget)
        else:
            keys = {"client_keys__team": budget.members_of_id, "client_keys__revoked_at": None}
            yield from standing.of_members(budget, User.objects.filter(**keys).distinct().order_by("id"))
