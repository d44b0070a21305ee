"""Rate limits in the admin. Whom a limit binds stays as it is: another one is for another key, person or team."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from access.admin.whom import ListsOfOne
from access.allowances.models import ONE_WHOM, WHOM
from access.models import RateLimit
from proxysite.console.lost_updates import MergingForm, SerializedSaves


class RateLimitForm(MergingForm):
    """A limit. Each error stands beside the field that has to be changed."""

    class Meta:
        model = RateLimit
        fields = (*WHOM, "measure", "per", "most")
        labels = {"members_of": "Each member of"}
        help_texts = {
            "measure": "Input tokens are those that were not read from a cache, unless LIMIT_INPUT_TOKENS says all.",
            "per": "A minute refills steadily. A day begins at midnight of the team's, for a user of the site's, zone.",
        }

    def clean(self) -> dict[str, Any]:
        """Rejects a limit of nobody or of two, a period that its measure has not, and a second limit of its kind."""
        data: dict[str, Any] = super().clean() or {}
        whom = {name: data[name] for name in WHOM if data.get(name) is not None}
        if self.instance.pk is None and len(whom) != 1:
            self.add_error([*whom, "key"][1 if whom else 0], ONE_WHOM)
            return data
        if self.instance.pk is not None:
            whom = {self.instance.whom: getattr(self.instance, self.instance.whom)}
        measure, per = data.get("measure"), data.get("per")
        if measure and per and (measure == RateLimit.Measure.STREAMS) is not (per == RateLimit.Per.ONCE):
            only = "Requests at the same time have no period: choose “at the same time”."
            self.add_error("per", only if measure == RateLimit.Measure.STREAMS else "Choose “a minute” or “a day”.")
        elif RateLimit.objects.filter(**whom, measure=measure, per=per).exclude(pk=self.instance.pk).exists():
            self.add_error("measure", "There is a limit of this kind already. Change that one.")
        return data


@admin.register(RateLimit)
class RateLimitAdmin(ListsOfOne, SerializedSaves, ModelAdmin):
    """Rate limits, by whom they bind."""

    form = RateLimitForm
    list_display = ["shown_amount", "shown_bound", "created_at"]
    list_display_links = ["shown_amount"]
    list_filter = ["measure", "per"]
    list_select_related = ["key__team", "user", "team", "members_of"]
    search_fields = ["key__name", "key__prefix", "user__username", "team__name", "members_of__name"]
    search_help_text = "Key, person or team"
    autocomplete_fields = list(WHOM)
    fieldsets = [
        ("Whom it binds: choose one", {"fields": [*WHOM]}),
        ("How much", {"fields": ["measure", "per", "most"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateLimit]:
        """Returns the limits with whom they bind."""
        limits: QuerySet[RateLimit] = super().get_queryset(request)
        return limits.select_related("key__team", "user", "team", "members_of")

    def get_fieldsets(self, request: HttpRequest, obj: RateLimit | None = None) -> Any:
        """Returns the fields in groups; of an existing limit whom it binds is only shown."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        return [("Whom it binds", {"fields": [obj.whom]}), *self.fieldsets[1:]]

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
