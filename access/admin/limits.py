"""Rate limits in the admin. Whom a limit binds stays as it is: another one is for another key, person or team."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from access.admin.whom import ListsOfOne, how_much
from access.allowances.models import WHOM
from access.models import RateLimit
from proxysite.admin import allowance_forms
from proxysite.admin.allowance_forms import OfAnybody
from proxysite.console.lost_updates import SerializedSaves


class RateLimitForm(OfAnybody, allowance_forms.RateLimitForm):
    """A limit of anybody's."""

    class Meta(allowance_forms.RateLimitForm.Meta):
        fields = (*WHOM, *allowance_forms.RateLimitForm.Meta.fields, "leads_may_change")
        labels = {"members_of": "Each member of"}


@admin.register(RateLimit)
class RateLimitAdmin(ListsOfOne, SerializedSaves, ModelAdmin):
    """Rate limits, by whom they bind."""

    form = RateLimitForm
    list_display = ["shown_amount", "shown_bound", "created_at"]
    list_display_links = ["shown_amount"]
    list_filter = ["measure", "per", "leads_may_change"]
    list_select_related = ["key__team", "user", "team", "members_of"]
    search_fields = ["key__name", "key__prefix", "user__username", "team__name", "members_of__name"]
    search_help_text = "Key, person or team"
    autocomplete_fields = list(WHOM)
    fieldsets = [
        ("Whom it binds: choose one", {"fields": [*WHOM]}),
        ("How much", {"fields": ["measure", "per", "most", "leads_may_change"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateLimit]:
        """Returns the limits with whom they bind."""
        limits: QuerySet[RateLimit] = super().get_queryset(request)
        return limits.select_related("key__team", "user", "team", "members_of")

    def get_fieldsets(self, request: HttpRequest, obj: RateLimit | None = None) -> Any:
        """Returns the fields in groups; of an existing limit whom it binds is only shown."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        return [("Whom it binds", {"fields": [obj.whom]}), how_much(self.fieldsets[1], obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: RateLimit | None = None) -> Any:
        """Returns whom an existing limit binds."""
        return () if obj is None else WHOM

    @display(description="Limit", ordering="most")
    def shown_amount(self, limit: RateLimit) -> str:
        """How much of what."""
        return limit.amount

    @display(description="Whom it binds")
    def shown_bound(self, limit: RateLimit) -> str:
        """Whom it binds, in words."""
        return limit.bound
