"""Which budgets bind a key, from the database as the records that requests need."""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings

from access.allowances.budgets import PICO, BudgetRecord
from access.allowances.models import Budget
from access.allowances.time_zones import zone_of
from access.keys import allowed_pattern
from access.models import ClientKey


class Budgets:
    """All enabled budgets, from one query."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, list[Budget]]] = {
            "key": defaultdict(list), "user": defaultdict(list), "team": defaultdict(list),
            "members_of": defaultdict(list),
        }  # fmt: skip
        for row in Budget.objects.filter(enabled=True).order_by("id"):
            self._of[row.whom][getattr(row, f"{row.whom}_id")].append(row)
        self._made: dict[tuple[int, int], BudgetRecord] = {}

    def of(self, key: ClientKey) -> tuple[BudgetRecord, ...]:
        """Returns the budgets that bind a key: its own, its owner's, its team's, and its owner's as a member.

        One of the owner's own may replace a members' one. No query if the key's team and owner are there.
        """
        found = [(row, "key", 0) for row in self._of["key"].get(key.pk, ())]
        own = self._of["user"].get(key.owner_id, []) if key.owner_id is not None else []
        found += [(row, "user", 0) for row in own]
        found += [(row, "team", 0) for row in self._of["team"].get(key.team_id, ())]
        if key.owner_id is not None:
            for row in self._of["members_of"].get(key.team_id, ()):
                if not any(replaces(one, row) for one in own):
                    found.append((row, "member", key.owner_id))
        return tuple(self._record(row, whom, subject, key) for row, whom, subject in found)

    def _record(self, row: Budget, whom: str, subject: int, key: ClientKey) -> BudgetRecord:
        made = self._made.get((row.pk, subject))
        if made is None:
            made = self._made[row.pk, subject] = record_of(row, whom, key, subject)
        return made


def record_of(row: Budget, whom: str, key: ClientKey, subject: int = 0) -> BudgetRecord:
    """Returns the record of a budget that binds a key as `whom`."""
    return BudgetRecord(
        id=row.pk,
        whom=whom,
        label=_label(whom, key),
        amount=int(row.amount * PICO),
        period=row.period,
        zone=settings.TIME_ZONE if whom == "user" else zone_of(key.team.time_zone).key,
        counts_from=row.created_at.timestamp(),
        subject=subject,
        week_starts=row.week_starts,
        models=row.model_names,
        model_names=allowed_pattern(row.model_names),
        hard=row.hard,
        key_id=key.pk if whom == "key" else None,
        owner_id=key.owner_id if whom in ("user", "member") else None,
        team_id=key.team_id if whom in ("team", "member") else None,
    )


def _label(whom: str, key: ClientKey) -> str:
    owner = key.owner.username if key.owner is not None else ""
    return {
        "key": f"of the key {key.name!r}",
        "user": f"of {owner}",
        "team": f"of team {key.team.name}",
        "member": f"of {owner} in team {key.team.name}",
    }[whom]


def replaces(own: Budget, of_each: Budget) -> bool:
    """Returns whether a person's own budget binds them in place of one of each member: it is of the same period and the
    same models, and refuses if the other one does. One that only warns would otherwise leave nobody to refuse."""
    return (
        own.period == of_each.period
        and own.hard >= of_each.hard
        and set(own.model_names.split()) == set(of_each.model_names.split())
    )
