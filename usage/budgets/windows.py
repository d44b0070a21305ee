"""The windows of budgets: creates them with what their rows have spent, and reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q, Sum

from access.allowances.budgets import BudgetRecord
from access.keys import allowed_pattern
from usage.budgets import locks
from usage.budgets.models import BudgetWindow
from usage.budgets.periods import bounds
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars, to_pico

LARGEST = 2**63 - 1
"""The largest amount in pico-dollars that a column holds."""
_SLACK = timedelta(days=1)
"""How much older the id of a row may be than the moment at which its request began."""

Key = tuple[int, int, float]
"""budget_id, subject, resets_at: there is one window of each."""


class Window(msgspec.Struct, frozen=True):
    """A window as it was read. Money is in pico-dollars, times are POSIX seconds."""

    id: int
    budget_id: int
    subject: int
    starts_at: float
    resets_at: float
    amount: int
    raised: int
    spent: int
    drawn: int


def ensure(budgets: Sequence[BudgetRecord], now: float) -> list[Window]:
    """Returns the windows of `now`, one for each budget; creates those that are missing with what their rows have
    spent.

    In a transaction of the caller, call it before anything that locks a window: writers of usage rows wait for it, from
    the creation of a window to the end of the transaction. Raises django.db.Error.
    """
    wanted = {_key(budget, now): budget for budget in budgets}
    with transaction.atomic():
        found = _read(wanted)
        if missing := [(key, budget) for key, budget in wanted.items() if key not in found]:
            locks.for_new_windows()
            # Another worker may have made them while this one waited.
            found = _read(wanted)
            for key, budget in missing:
                if key not in found:
                    found[key] = _create(budget, key, now)
    return [found[_key(budget, now)] for budget in budgets]


def look(budgets: Sequence[BudgetRecord], now: float) -> list[Window | None]:
    """Returns the windows of `now`, one for each budget, None where none was created."""
    wanted = [_key(budget, now) for budget in budgets]
    found = _read(wanted)
    return [found.get(key) for key in wanted]


def spent_by_rows(window: BudgetWindow, before: UUID | None = None) -> int:
    """Returns the pico-dollars that the rows of a window have cost, those that are removed included.

    With `before`, requests with later ids do not count.
    """
    # Rows are kept in months by their ids, of which older ones need not be read.
    oldest = lowest_id(window.starts_at - _SLACK)
    rows = Q(started_at__gte=window.starts_at, started_at__lt=window.resets_at, id__gte=oldest)
    if window.pruned_until is not None:
        rows &= Q(id__gte=lowest_id(window.pruned_until))
    if before is not None:
        rows &= Q(id__lt=before)
    for column in ("key_id", "owner_id", "team_id"):
        if (identity := getattr(window, column)) is not None:
            rows &= Q(**{column: identity})
    requests = RequestLog.objects.filter(rows).order_by().values("id")
    attempts = AttemptLog.objects.filter(request_log_id__in=requests, id__gte=oldest, cost__isnull=False).order_by()
    pattern = allowed_pattern(window.model_names)
    by_model = attempts.values_list("model_name").annotate(total=Sum("cost"))
    counted = sum(to_pico(total) for name, total in by_model if pattern is None or pattern.fullmatch(name))
    return to_pico(window.pruned) + counted


def settle_before(month: date) -> None:
    """Notes in windows what the rows of before a month (in UTC) have cost, and removes windows that reset before it.

    To be called before these rows are removed; a second call changes nothing. Raises django.db.Error.
    """
    until = datetime.combine(month, time(), UTC)
    BudgetWindow.objects.filter(resets_at__lt=until).delete()
    spanning = BudgetWindow.objects.filter(starts_at__lt=until).exclude(pruned_until__gte=until)
    for identity in list(spanning.order_by("id").values_list("id", flat=True)):
        with transaction.atomic():
            locks.for_new_windows()
            # Not locked: draws go on while the rows are added up, and nobody else writes these columns.
            window = BudgetWindow.objects.get(pk=identity)
            before = min(spent_by_rows(window, lowest_id(until)), LARGEST)
            BudgetWindow.objects.filter(pk=identity).update(pruned=to_dollars(before), pruned_until=until)


def lowest_id(moment: datetime) -> UUID:
    """Returns the lowest UUIDv7 of a moment."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def _key(budget: BudgetRecord, now: float) -> Key:
    return budget.id, budget.subject, bounds(budget.period, budget.zone, budget.week_starts, now)[1]


def _read(keys: Collection[Key]) -> dict[Key, Window]:
    if not keys:
        return {}
    wanted = Q()
    for budget_id, subject, resets_at in keys:
        wanted |= Q(budget_id=budget_id, subject=subject, resets_at=_moment(resets_at))
    read = (_window(row) for row in BudgetWindow.objects.filter(wanted).order_by("id"))
    return {(window.budget_id, window.subject, window.resets_at): window for window in read}


def _create(budget: BudgetRecord, key: Key, now: float) -> Window:
    period_start, resets_at = bounds(budget.period, budget.zone, budget.week_starts, now)
    row = BudgetWindow(
        budget_id=budget.id,
        subject=budget.subject,
        starts_at=_moment(max(period_start, budget.counts_from)),
        resets_at=_moment(resets_at),
        key_id=budget.key_id,
        owner_id=budget.owner_id,
        team_id=budget.team_id,
        model_names=budget.models,
        amount=to_dollars(budget.amount),
        raised=to_dollars(0),
        drawn=to_dollars(0),
        pruned=to_dollars(0),
    )
    row.spent = to_dollars(min(spent_by_rows(row), LARGEST))
    row.save(force_insert=True)
    return _window(row)


def _window(row: BudgetWindow) -> Window:
    return Window(
        id=row.pk,
        budget_id=row.budget_id,
        subject=row.subject,
        starts_at=row.starts_at.timestamp(),
        resets_at=row.resets_at.timestamp(),
        amount=to_pico(row.amount),
        raised=to_pico(row.raised),
        spent=to_pico(row.spent),
        drawn=to_pico(row.drawn),
    )


def _moment(posix: float) -> datetime:
    return datetime.fromtimestamp(posix, UTC)
