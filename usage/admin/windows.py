"""The windows of budgets in the admin: what was spent of them and who holds what. They can be read and nothing else."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import display

from access.models import Budget, ClientKey
from access.permissions import may
from usage.admin.logs import UsageAdmin
from usage.budgets.bound import Bound
from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow
from usage.reports import formatting


class _Shown(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only workers write these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits them."""
        return False

    @display(description="Heartbeat")
    def beat(self, block: BudgetBlock) -> str:
        """When the worker wrote for the last time."""
        return _moment(block.heartbeat)


class BlocksOfWindow(_Shown):
    """What workers hold."""

    model = BudgetBlock
    verbose_name_plural = "held by workers"
    fields = ["worker", "shown_amount", "beat", "uncertain"]
    readonly_fields = fields

    @display(description="Amount")
    def shown_amount(self, block: BudgetBlock) -> str:
        """In US dollars."""
        return formatting.dollars(block.amount)


class MarksOfWindow(_Shown):
    """Keys that are refused."""

    model = BudgetMark
    verbose_name_plural = "keys that are refused"
    fields = ["marked_key", "shown_needed", "created_at"]
    readonly_fields = fields

    @display(description="Key")
    def marked_key(self, mark: BudgetMark) -> str:
        """The key, by its number where it is deleted."""
        if mark.key_id < 0:
            return "the playground of a person"
        key = ClientKey.objects.select_related("team").filter(pk=mark.key_id).first()
        return f"deleted key {mark.key_id}" if key is None else str(key)

    @display(description="Refused until so much is free")
    def shown_needed(self, mark: BudgetMark) -> str:
        """In US dollars."""
        return formatting.dollars(mark.needed)


@admin.register(BudgetWindow)
class BudgetWindowAdmin(UsageAdmin):
    """Windows, newest first."""

    list_display = ["window", "shown_budget", "member", "shown_spent", "shown_limit", "shown_drawn"]
    list_display_links = ["window"]
    list_filter_submit = False
    fields = ["shown_budget", "member", "window", "shown_spent", "shown_limit", "shown_raised", "shown_drawn"]
    fields += ["shown_pruned"]
    inlines = [BlocksOfWindow, MarksOfWindow]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BudgetWindow]:
        """Returns windows; no provider is in them."""
        windows: QuerySet[BudgetWindow] = super(UsageAdmin, self).get_queryset(request)
        return windows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Returns True for the link of a budget's page, too."""
        return lookup == "budget_id" or super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Returns the list, whose windows learn their budgets and members: all of a page at once."""
        changes = super().get_changelist_instance(request)
        changes.result_list = self._named(list(changes.result_list))
        return changes

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Returns the window, with its budget and member."""
        window = super().get_object(request, object_id, from_field)
        return window if window is None else self._named([window])[0]

    def _named(self, windows: list[Any]) -> list[Any]:
        related = ("key__team", "user", "team", "members_of")
        budgets = Budget.objects.select_related(*related).in_bulk({window.budget_id for window in windows})
        people = User.objects.in_bulk({window.subject for window in windows if window.subject})
        for window in windows:
            window.budget = budgets.get(window.budget_id)
            window.person = people.get(window.subject)
            window.zone = None if window.budget is None else ZoneInfo(Bound(window.budget).zone)
        return windows

    @display(description="From and until", ordering="starts_at")
    def window(self, window: Any) -> str:
        """Its first instant, and the instant at which it resets, in the time zone of the budget."""
        until = "for ever" if window.never_resets else f"until {_moment(window.resets_at, window.zone)}"
        return f"{_moment(window.starts_at, window.zone)} {until}"

    @display(description="Budget")
    def shown_budget(self, window: Any) -> str:
        """The budget, with a link to its page."""
        if window.budget is None:
            return f"deleted budget {window.budget_id}"
        url = reverse("admin:access_budget_change", args=[window.budget_id])
        return format_html('<a class="text-link" href="{}">{}, {}</a>', url, window.budget, window.budget.bound)

    @display(description="Member")
    def member(self, window: Any) -> str:
        """Whose window it is, of each member's budget."""
        return str(window.person or f"deleted user {window.subject}") if window.subject else formatting.UNKNOWN

    @display(description="Spent", ordering="spent")
    def shown_spent(self, window: BudgetWindow) -> str:
        """In US dollars, an overdraft by itself."""
        over = window.spent - window.limit
        overdraft = f", overdraft {formatting.dollars(over)}" if over > 0 else ""
        return f"{formatting.dollars(window.spent)}{overdraft}"

    @display(description="Of")
    def shown_limit(self, window: BudgetWindow) -> str:
        """What might be spent."""
        return formatting.dollars(window.limit)

    @display(description="Held by workers", ordering="drawn")
    def shown_drawn(self, window: BudgetWindow) -> str:
        """What is held for requests."""
        return formatting.dollars(window.drawn)

    @display(description="Added for this period")
    def shown_raised(self, window: BudgetWindow) -> str:
        """In US dollars."""
        return formatting.dollars(window.raised)

    @display(description="Spent by rows that are removed")
    def shown_pruned(self, window: BudgetWindow) -> str:
        """In US dollars."""
        return formatting.dollars(window.pruned)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns all fields."""
        return self.fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Returns what the reader may see of it."""
        permissions = {BlocksOfWindow: "usage.view_budgetblock", MarksOfWindow: "usage.view_budgetmark"}
        return [inline for inline, one in permissions.items() if may(request.user, one)]


def _moment(moment: Any, zone: ZoneInfo | None = None) -> str:
    return f"{timezone.localtime(moment, zone):%Y-%m-%d %H:%M}"
