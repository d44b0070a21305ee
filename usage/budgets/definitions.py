"""What of a budget stays as it is once money was spent of it: whom it binds, its period, its weeks and its models.

Its windows hold these, and what they have spent is the sum over the rows that match them.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from access.allowances.models import WHOM, Budget
from usage.budgets.models import BudgetWindow

KEPT: Final = (*WHOM, "period", "week_starts", "model_names")
"""Fields that stay as they are."""
USED: Final = (
    "Money of this budget has been spent, so this stays as it is. Switch this budget off, and make another one."
)


def is_used(budget_id: int) -> bool:
    """Returns whether money of a budget has been spent or drawn."""
    return BudgetWindow.objects.filter(~Q(spent=0) | ~Q(drawn=0), budget_id=budget_id).exists()


def refuse_change(sender: Any, instance: Budget, raw: bool = False, **_: Any) -> None:
    """Raises ValidationError for a used budget with other KEPT fields than are stored, before it is saved. What nobody
    has spent of gets new windows."""
    if raw or instance.pk is None:
        return
    stored = Budget.objects.filter(pk=instance.pk).first()
    if stored is None:
        return
    changed = [name for name in KEPT if _value(stored, name) != _value(instance, name)]
    if not changed:
        return
    with transaction.atomic():
        windows = BudgetWindow.objects.filter(budget_id=instance.pk)
        # In the order in which everybody locks windows; nobody draws meanwhile.
        list(windows.select_for_update().order_by("id"))
        if is_used(instance.pk):
            raise ValidationError(dict.fromkeys(changed, USED))
        windows.delete()


def _value(budget: Budget, name: str) -> Any:
    if name == "model_names":
        return budget.model_names.split()
    return getattr(budget, f"{name}_id" if name in WHOM else name)
