"""The five dearest teams and keys of a range, with the budget of each that is nearest to its limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q
from django.utils import timezone

from access.models import Budget
from access.permissions import Person, may
from proxysite.console.explorer.state import query_of
from proxysite.console.ranges import Range
from usage.admin.filters import rows_url
from usage.budgets import pace, standing
from usage.budgets.bound import Bound
from usage.budgets.standing import Standing
from usage.reports.explore.answer import CannotAnswer, Line, answer
from usage.reports.explore.question import GROUPS, Question

MOST = 5


class Row(msgspec.Struct, frozen=True):
    """A team or a key with its cost and its budget, None where it has none or it may not be seen."""

    name: str
    cost: Any
    url: str
    budget: Standing | None = None
    runs_out_at: datetime | None = None

    @property
    def width(self) -> int:
        """The percent of the budget that is spent, 100 at most."""
        return 0 if self.budget is None else min(100, self.budget.percent)


class Top(msgspec.Struct, frozen=True):
    """The rows of a group, and the explorer's page of the same question; `problem` tells why there are none."""

    title: str
    rows: list[Row]
    url: str
    problem: str = ""


def top(person: Person, chosen: Range, group: str) -> Top:
    """Returns the dearest of a group, "team" or "key"."""
    question = Question(chosen.since, chosen.until, "cost", group, bucket="total", limit=MOST)
    title, url = f"Top {GROUPS[group].title.lower()}s", query_of(chosen, question, "")
    try:
        lines = [line for line in answer(question).lines if line.total]
    except CannotAnswer as error:
        return Top(title, [], url, str(error))
    budgets = _budgets(group, lines) if may(person, "access.view_budget") else {}
    return Top(title, [_row(line, group, chosen, budgets) for line in lines], url)


def _row(line: Line, group: str, chosen: Range, budgets: dict[int, Standing]) -> Row:
    assert line.key is not None
    identity = line.key[0]
    url = rows_url(chosen, **{group: identity})
    found = budgets.get(identity)
    if found is None:
        return Row(line.labels[0], line.total, url)
    return Row(line.labels[0], line.total, url, found, pace.of(found).runs_out_at)


def _budgets(group: str, lines: Sequence[Line]) -> dict[int, Standing]:
    """Returns the budget of each line of which the greatest part is spent."""
    ids = [line.key[0] for line in lines if line.key is not None and line.key[0] is not None]
    wanted = Q(team_id__in=ids) if group == "team" else Q(key_id__in=ids)
    rows = Budget.objects.filter(wanted).select_related("team", "key__team", "user", "members_of")
    found: dict[int, Standing] = {}
    for one in standing.now([Bound(budget) for budget in rows]):
        identity = one.budget.team_id if group == "team" else one.budget.key_id
        if identity is not None and (identity not in found or one.percent > found[identity].percent):
            found[identity] = one
    return found


def now() -> datetime:
    """Returns the moment that figures are of, in TIME_ZONE."""
    return timezone.localtime(timezone.now(), timezone.get_default_timezone())
