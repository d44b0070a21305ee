"""Which rate limits bind a key: its own, its owner's, its team's, and those of each member of its team. A limit of the
owner's own replaces that of each member with the same measure and period. Service keys have no owner, and are bound by
no limit of a user or a member."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.db.models import Q

from access.allowances.limits import LimitRecord, Whom, cell_of_limit
from access.allowances.time_zones import zone_of
from access.models import ClientKey, RateLimit

_ORDER: Final = ("day", "minute", "once")


def _refusing_first(limit: LimitRecord) -> int:
    """Of several limits that are reached the longest wait is named, and slots are taken last."""
    return _ORDER.index(limit.per)


class BoundLimits:
    """Some rate limits by whom they bind. Keys that share a limit share its record."""

    def __init__(self, rows: Iterable[RateLimit]) -> None:
        self._rows: dict[tuple[str, int], list[RateLimit]] = defaultdict(list)
        for row in rows:
            self._rows[row.whom, getattr(row, f"{row.whom}_id")].append(row)
        self._records: dict[tuple[int, int | None], LimitRecord] = {}

    def of(self, key: ClientKey) -> tuple[LimitRecord, ...]:
        """Returns what binds a key, whose team and owner are loaded."""
        if not self._rows:
            return ()
        found = [self._record(row, key, "key") for row in self._of("key", key.pk)]
        if key.owner_id is not None:
            own = self._of("user", key.owner_id)
            replaced = {(row.measure, row.per) for row in own}
            found += [self._record(row, key, "user") for row in own]
            found += [
                self._record(row, key, "member")
                for row in self._of("members_of", key.team_id)
                if (row.measure, row.per) not in replaced
            ]
        found += [self._record(row, key, "team") for row in self._of("team", key.team_id)]
        return tuple(sorted(found, key=_refusing_first))

    def _of(self, whom: str, pk: int) -> list[RateLimit]:
        return self._rows.get((whom, pk), [])

    def _record(self, row: RateLimit, key: ClientKey, whom: Whom) -> LimitRecord:
        member = key.owner_id if whom == "member" else None
        known = self._records.get((row.pk, member))
        if known is None:
            zone = settings.TIME_ZONE if whom == "user" else zone_of(key.team.time_zone).key
            cell = cell_of_limit(row.pk, row.measure, row.per, member)
            known = LimitRecord(
                row.pk, row.measure, row.per, row.most, whom, cell, zone, row.amount, row.leads_may_change
            )
            self._records[row.pk, member] = known
        return known


def all_limits() -> BoundLimits:
    """Returns every rate limit, with one query."""
    return BoundLimits(RateLimit.objects.order_by("id"))


def limits_of(key: ClientKey) -> tuple[LimitRecord, ...]:
    """Returns what binds one key, with one query."""
    whose: Any = Q(key=key.pk) | Q(team=key.team_id) | Q(members_of=key.team_id)
    if key.owner_id is not None:
        whose |= Q(user=key.owner_id)
    return BoundLimits(RateLimit.objects.filter(whose).order_by("id")).of(key)
