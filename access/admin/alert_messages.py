"""Messages about alerts in the admin: what was sent to whom, what waits and what failed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from access.audit import lock, record
from access.models import OutboxMessage
from access.outbox import queue
from access.outbox.models import Kind
from access.permissions import may
from usage.reports import times

_STATES = {
    "failed": Q(failed_at__isnull=False),
    "waiting": Q(next_try_at__isnull=False),
    "sent": Q(sent_at__isnull=False),
    "on pages": Q(channel=OutboxMessage.Channel.PAGE),
}


class StateFilter(DropdownFilter):
    """By whether a message was sent."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the states."""
        return [(state, state) for state in _STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the state."""
        chosen = _STATES.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class KindFilter(DropdownFilter):
    """By what the alert is about."""

    title, parameter_name = "alert", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the kinds."""
        return list(Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the kind."""
        return queryset.filter(alert__kind=self.value()) if self.value() in Kind.values else queryset


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ModelAdmin):
    """Nobody edits a message; one that failed can be sent again."""

    list_display = ["moment", "subject", "to", "state", "error"]
    list_display_links = ["subject"]
    list_filter = [StateFilter, KindFilter]
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_select_related = ["user", "webhook", "alert"]
    paginator = InfinitePaginator
    show_full_result_count = False
    search_fields = ["subject", "user__username", "webhook__name"]
    search_help_text = "Subject, person or webhook"
    fields = [
        "subject", "to", "channel", "state", "shown_alert", "created_at", "sent_at", "failed_at", "tries", "error",
        "next_try_at", "shown_text",
    ]  # fmt: skip
    readonly_fields = fields
    actions = ["send_selected_again"]
    actions_detail = ["send_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Alerts make them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits what was sent."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are deleted with their alerts, after some time."""
        return False

    def has_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Returns whether somebody may have a message sent again."""
        return may(request.user, "access.change_outboxmessage")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Shows the list. A URL with a NUL, which PostgreSQL accepts in no text, leads to the unfiltered one."""
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, extra_context)

    @display(description="When", ordering="id")
    def moment(self, message: OutboxMessage) -> str:
        """The time in TIME_ZONE."""
        first, second = times.in_two_lines(message.created_at)
        return render_to_string("usage/two_lines.html", {"first": first, "second": second, "is_demo": False})

    @display(description="To")
    def to(self, message: OutboxMessage) -> str:
        """The person or the webhook."""
        return f"webhook {message.webhook}" if message.webhook else str(message.user)

    @display(
        description="State",
        label={"sent": "success", "failed": "danger", "waiting": "info", "tried": "warning", "on pages": "info"},
    )
    def state(self, message: OutboxMessage) -> str:
        """Whether it was sent."""
        if message.failed_at is not None:
            return "failed"
        if message.sent_at is not None:
            return "sent"
        if message.channel == OutboxMessage.Channel.PAGE:
            return "on pages"
        return "tried" if message.tries else "waiting"

    @display(description="Alert")
    def shown_alert(self, message: OutboxMessage) -> str:
        """What it is about, and whether that is so still."""
        alert = message.alert
        return f"{alert.get_kind_display()}: " + ("open" if alert.ended_at is None else "ended")

    @display(description="Text")
    def shown_text(self, message: OutboxMessage) -> str:
        """The text with its lines."""
        return format_html('<div class="gw-lines">{}</div>', message.text)

    # --- sending again -----------------------------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns no action for a message that did not fail."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if OutboxMessage.objects.filter(pk=object_id, failed_at__isnull=False).exists() else []

    @action(
        description="Send again",
        icon="send",
        permissions=["send"],
        dialog={
            "title": "Send this message again?",
            "description": "It is tried for another day.",
            "form_submit_text": "Send it again",
        },
    )
    def send_again(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Lets one be sent again, once its dialog is confirmed by POST."""
        self._send_again(request, [get_object_or_404(OutboxMessage, pk=object_id)])
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_outboxmessage_change", args=[object_id])})

    @admin.action(description="Send selected messages again", permissions=["send"])
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Lets the selected messages that failed be sent again."""
        self._send_again(request, list(queryset))

    def _send_again(self, request: HttpRequest, chosen: list[OutboxMessage]) -> None:
        with transaction.atomic():
            lock()
            again = [one for one in chosen if queue.send_again(one)]
            for one in again:
                record("sent again", one)
        if again:
            messages.success(request, f"{len(again)} of {len(chosen)} are sent again, within a few seconds.")
        else:
            messages.info(request, "Nothing is sent again: none of these failed.")
