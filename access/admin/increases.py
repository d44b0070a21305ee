"""Requests for more of a budget, in the admin: whoever may change them approves or declines. Leads have their own pages
for those of their teams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from access.models import IncreaseRequest
from access.permissions import may
from usage.budgets import increases, standing
from usage.budgets.increases import IncreaseRefused
from usage.reports import times
from usage.reports.formatting import UNKNOWN, dollars

_SHORT = 60
"""Characters of a reason in the list."""
_FOR_GOOD = partial(increases.approve, lasting=True)


@admin.register(IncreaseRequest)
class IncreaseRequestAdmin(ModelAdmin):
    """Requests: nothing of them changes but that they are approved or declined."""

    list_display = ["shown", "whose", "short_reason", "shown_state", "asked_at", "shown_decided"]
    list_display_links = ["shown"]
    list_filter = ["state"]
    list_select_related = [
        "user", "decided_by", "budget__key__team", "budget__user", "budget__team", "budget__members_of",
    ]  # fmt: skip
    search_fields = ["user__username", "team__name", "reason"]
    search_help_text = "Person, team or reason"
    fields = [
        "user", "shown_amount", "whose", "stands", "whole_reason", "shown_state", "created_at", "shown_decided",
    ]  # fmt: skip
    readonly_fields = fields
    actions = ["approve_selected", "decline_selected"]
    actions_detail = ["approve", "approve_lasting", "decline"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns False: people ask on their own pages."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: a request is approved or declined."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: what was asked stays on record."""
        return False

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Returns whether any request may be approved or declined."""
        return may(request.user, increases.DECIDE)

    @display(description="Who asks")
    def shown(self, row: IncreaseRequest) -> str:
        """The person and the amount."""
        return str(row)

    @display(description="Asked", ordering="created_at")
    def asked_at(self, row: IncreaseRequest) -> str | None:
        """When."""
        return times.when(row.created_at)

    @display(description="More")
    def shown_amount(self, row: IncreaseRequest) -> str:
        """How much more."""
        return dollars(row.amount)

    @display(description="Budget")
    def whose(self, row: IncreaseRequest) -> str:
        """Whose budget it is, and how large."""
        return f"{increases.bound_of_request(row).label}: {row.budget}"

    @display(description="Stands at")
    def stands(self, row: IncreaseRequest) -> str:
        """How the budget stands now."""
        (found,) = standing.now([increases.bound_of_request(row)])
        return f"{dollars(found.spent)} of {dollars(found.limit)} {row.budget.get_period_display()} spent"

    @display(description="What for")
    def short_reason(self, row: IncreaseRequest) -> str:
        """The beginning of the reason."""
        return Truncator(row.reason).chars(_SHORT) or UNKNOWN

    @display(description="What for")
    def whole_reason(self, row: IncreaseRequest) -> str:
        """The reason, which may be one long word."""
        return format_html('<span class="gw-anywhere">{}</span>', row.reason) if row.reason else UNKNOWN

    @display(description="Decided")
    def shown_decided(self, row: IncreaseRequest) -> str:
        """Who decided when, and for how long."""
        if row.decided_at is None:
            return UNKNOWN
        moment = timezone.localtime(row.decided_at, timezone.get_default_timezone())
        lasting = ", from now on" if row.lasting else ""
        return f"{moment:%Y-%m-%d %H:%M} by {row.decided_by or 'somebody who was deleted'}{lasting}"

    @display(description="State", label={"open": "info", "approved": "success", "declined": "warning"})
    def shown_state(self, row: IncreaseRequest) -> str:
        """Whether it waits."""
        return row.state

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns no actions for a request that was answered."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if increases.open_requests().filter(pk=object_id).exists() else []

    @action(
        description="Approve",
        icon="check",
        permissions=["decide"],
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Approve for this period?",
            "description": "The limit grows for the present period alone, and requests pass at once.",
            "form_submit_text": "Approve for this period",
        },
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Raises the present period's limit, once its dialog is confirmed by POST."""
        return self._answered(request, object_id, increases.approve)

    @action(
        description="Approve from now on",
        icon="done_all",
        permissions=["decide"],
        dialog={
            "title": "Approve from now on?",
            "description": "The budget itself grows, for whomever it binds, and requests pass within a second.",
            "form_submit_text": "Approve from now on",
        },
    )
    def approve_lasting(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Raises the budget, once its dialog is confirmed by POST."""
        return self._answered(request, object_id, _FOR_GOOD)

    @action(
        description="Decline",
        icon="block",
        permissions=["decide"],
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Decline this request?",
            "description": "Nothing changes. Whoever asked sees it.",
            "form_submit_text": "Decline the request",
        },
    )
    def decline(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Closes the request, once its dialog is confirmed by POST."""
        return self._answered(request, object_id, increases.decline)

    @admin.action(description="Approve selected requests for this period", permissions=["decide"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[IncreaseRequest]) -> None:
        """Approves the selected requests."""
        self._answer(request, queryset, increases.approve)

    @admin.action(description="Decline selected requests", permissions=["decide"])
    def decline_selected(self, request: HttpRequest, queryset: QuerySet[IncreaseRequest]) -> None:
        """Declines the selected requests."""
        self._answer(request, queryset, increases.decline)

    def _answered(self, request: HttpRequest, object_id: str, answer: Callable[..., IncreaseRequest]) -> HttpResponse:
        self._answer(request, IncreaseRequest.objects.filter(pk=object_id), answer)
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_increaserequest_change", args=[object_id])})

    def _answer(
        self, request: HttpRequest, rows: QuerySet[IncreaseRequest], answer: Callable[..., IncreaseRequest]
    ) -> None:
        for row in rows:
            try:
                done = answer(request.user, row)
            except IncreaseRefused as error:
                messages.warning(request, f"{row}: {error}")
            else:
                self.log_change(request, done, f"{done.get_state_display()}.")
                messages.success(request, f"{done.get_state_display()}: {done}.")
