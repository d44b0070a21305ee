"""Budgets in the admin, with how they stand. What their windows hold stays as it is once money was spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from access.admin.whom import ListsOfOne, how_much
from access.allowances.models import WHOM
from access.models import Budget
from proxysite.admin import allowance_forms
from proxysite.admin.allowance_forms import OfAnybody
from proxysite.admin.deletions import TakesHistoryAlong
from proxysite.console.lost_updates import SerializedSaves
from usage.budgets import definitions, overview
from usage.budgets.bound import Bound
from usage.budgets.standing import Standing

_NEAR = 80
"""Percent of a budget from which on its bar warns."""
_FULL = 100


class BudgetForm(OfAnybody, allowance_forms.BudgetForm):
    """A budget of anybody's."""

    class Meta(allowance_forms.BudgetForm.Meta):
        fields = (*WHOM, *allowance_forms.BudgetForm.Meta.fields, "leads_may_change")
        labels = {"members_of": "each member of"}
        widgets = {"model_names": UnfoldAdminTextareaWidget(attrs={"rows": 2})}


@admin.register(Budget)
class BudgetAdmin(ListsOfOne, TakesHistoryAlong, SerializedSaves, ModelAdmin):
    """Budgets, by whom they bind."""

    form = BudgetForm
    list_display = ["shown_amount", "shown_bound", "kind", "now", "shown_models"]
    list_display_links = ["shown_amount"]
    list_filter = ["period", "hard", "enabled", "leads_may_change"]
    list_fullwidth = True
    search_fields = ["key__name", "key__prefix", "user__username", "team__name", "members_of__name"]
    search_help_text = "Key, person or team"
    autocomplete_fields = list(WHOM)
    conditional_fields = {"week_starts": "period == 'week'"}
    fieldsets = [
        ("Whom it binds: choose one", {"fields": [*WHOM]}),
        ("How much", {"fields": ["amount", "hard", "enabled", "leads_may_change"]}),
        ("What counts", {"fields": ["period", "week_starts", "model_names"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """Returns the budgets with whom they bind."""
        budgets: QuerySet[Budget] = super().get_queryset(request)
        return budgets.select_related("key__team", "key__owner", "user", "team", "members_of")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Returns the list, whose budgets learn how they stand: all of a page at once."""
        changes = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        for budget, standing in zip(changes.result_list, overview.in_list(changes.result_list), strict=True):
            budget.standing = standing
        return changes

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        """Returns the fields in groups; an existing budget shows how it stands first, and only the field that says whom
        it binds."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        stands, (_, amounts, counts) = ("How it stands", {"fields": ["standing"]}), self.fieldsets
        amounts = how_much(amounts, obj)
        if not definitions.is_used(obj.pk):
            return [stands, amounts, ("What counts", {"fields": [obj.whom, *counts[1]["fields"], "created_at"]})]
        week = ["week_starts"] if obj.period == Budget.Period.WEEK else []
        fields = [obj.whom, "period", *week, "shown_models", "created_at"]
        return [stands, amounts, ("What counts", {"fields": fields, "description": definitions.USED})]

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        """Returns what is only shown: whom a budget binds, and what was used."""
        if obj is None:
            return ()
        kept = definitions.KEPT if definitions.is_used(obj.pk) else WHOM
        return ("standing", "shown_models", "created_at", *kept)

    @display(description="Budget", ordering="amount")
    def shown_amount(self, budget: Budget) -> str:
        """How much in which period."""
        return str(budget)

    @display(description="Whom it binds")
    def shown_bound(self, budget: Budget) -> str:
        """Whom it binds, in words."""
        return budget.bound

    @display(description="Kind", label={"hard": "info", "only warns": "warning"})
    def kind(self, budget: Budget) -> str:
        """Whether it refuses, warns or does nothing."""
        return "off" if not budget.enabled else "hard" if budget.hard else "only warns"

    @display(description="This period")
    def now(self, budget: Any) -> SafeString:
        """What is spent and left of the present window, and when it resets."""
        return bar(budget.standing) if budget.standing is not None else SafeString("Nothing is spent.")

    @display(description="Models")
    def shown_models(self, budget: Budget) -> str:
        """The models that count."""
        return ", ".join(budget.model_names.split()) or "all"

    @display(description="")
    def standing(self, budget: Budget) -> SafeString:
        """The present window of the budget or of each member, and those before."""
        found = overview.of(budget)
        bars = [(one, bar(one)) for one in found.now]
        shown = {
            "budget": budget,
            "overview": found,
            "bars": bars,
            "of_members": budget.members_of_id is not None,
            "zone": Bound(budget).zone,
        }
        return SafeString(render_to_string("access/budget.html", shown))


def bar(standing: Standing) -> SafeString:
    """Returns what is spent and held of a window as a bar, with the amounts below."""
    spent = min(Decimal(_FULL), standing.share_of_limit(standing.spent))
    color = "over" if standing.percent >= _FULL else "near" if standing.percent >= _NEAR else "spent"
    held = min(Decimal(_FULL) - spent, standing.share_of_limit(standing.drawn))
    shown = {"standing": standing, "spent": spent, "held": held, "color": color}
    return SafeString(render_to_string("access/budget_bar.html", shown))
