"""The windows of budgets: creates them with what their rows have spent, and reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q

from access.allowances.budgets import BudgetRecord
from access.keys import allowed_pattern
from usage.budgets import locks
from usage.budgets.bound import as_stored
from usage.budgets.models import BudgetWindow
from usage.budgets.periods import bounds
from usage.dollars_sum import DollarsSum
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

    A window is that of the definition which is stored, whatever older one a caller knows: one that was made of another
    definition gets the sum of the rows that match the present one. In a transaction of the caller, call it before
    anything that locks a window: writers of usage rows wait for it, from the creation of a window to the end of the
    transaction. Raises django.db.Error.
    """
    with transaction.atomic():
        found = look(budgets, now)
        if None in found:
            locks.for_new_windows()
            # Another worker may have made them while this one waited.
            budgets = as_stored(budgets)
            rows = _read({_key(budget, now) for budget in budgets})
            # In the order of ids: a change locks a window, and so does who draws.
            order = {key: number for number, key in enumerate(rows)}
            for budget in sorted(budgets, key=lambda budget: order.get(_key(budget, now), len(order))):
                key = _key(budget, now)
                rows[key] = _made(rows.get(key), budget, now)
            found = [_window(rows[_key(budget, now)]) for budget in budgets]
    return [window for window in found if window is not None]


def look(budgets: Sequence[BudgetRecord], now: float) -> list[Window | None]:
    """Returns the windows of `now`, one for each budget, None where none was created of this definition."""
    rows = _read({_key(budget, now) for budget in budgets})
    found = [(budget, rows.get(_key(budget, now))) for budget in budgets]
    return [_window(row) if row is not None and _is_of(budget, row, now) else None for budget, row in found]


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
    by_model = attempts.values_list("model_name").annotate(total=DollarsSum("cost"))
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


def _read(keys: Collection[Key]) -> dict[Key, BudgetWindow]:
    if not keys:
        return {}
    wanted = Q()
    for budget_id, subject, resets_at in keys:
        wanted |= Q(budget_id=budget_id, subject=subject, resets_at=_moment(resets_at))
    rows = BudgetWindow.objects.filter(wanted).order_by("id")
    return {(row.budget_id, row.subject, row.resets_at.timestamp()): row for row in rows}


def _definition(budget: BudgetRecord, now: float) -> dict[str, Any]:
    """Returns the columns that say which rows count."""
    starts_at = max(bounds(budget.period, budget.zone, budget.week_starts, now)[0], budget.counts_from)
    return {
        "starts_at": _moment(starts_at),
        "key_id": budget.key_id,
        "owner_id": budget.owner_id,
        "team_id": budget.team_id,
        "model_names": budget.models,
    }


def _is_of(budget: BudgetRecord, row: BudgetWindow, now: float) -> bool:
    """Returns whether the rows that count are those of a definition."""
    columns = _definition(budget, now)
    same_models = row.model_names.split() == columns.pop("model_names").split()
    return same_models and all(getattr(row, name) == value for name, value in columns.items())


def _made(row: BudgetWindow | None, budget: BudgetRecord, now: float) -> BudgetWindow:
    """Returns the window of a definition, which is created or changed unless it is there."""
    columns = _definition(budget, now)
    if row is None:
        row = BudgetWindow(budget_id=budget.id, subject=budget.subject, resets_at=_moment(_key(budget, now)[2]))
        row.amount = to_dollars(budget.amount)
        row.raised = row.drawn = row.pruned = to_dollars(0)
    elif _is_of(budget, row, now):
        return row
    for name, value in columns.items():
        setattr(row, name, value)
    row.spent = to_dollars(min(spent_by_rows(row), LARGEST))
    if row.pk is None:
        row.save(force_insert=True)
    else:
        row.corrections += 1
        # Workers may draw meanwhile.
        row.save(update_fields=[*columns, "spent", "corrections"])
    return row


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
