"""Usage rows in the admin: they can be read, filtered and searched, but not added, changed or deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from providers.fidelity import losses
from providers.pricing.prices import Price, figures
from usage.admin.request_page import page
from usage.admin.requests.sheet import Sheet
from usage.admin.requests.views import RowsList
from usage.admin.timeline import with_demo_mark
from usage.models import AttemptLog, Outcome, RequestLog, SetAside
from usage.reports import ending, formatting, times
from usage.reports.rows.filters import ATTEMPTS, REQUESTS
from usage.rollups import measures

_COUNTED = [*(measure.name for measure in measures.of_kind("sum") if measure.unit != "money"), "estimated"]
# Two per line: more leave no room for their help texts.
_MEASURES: list[str | tuple[str, ...]] = [
    *(tuple(_COUNTED[at : at + 2]) for at in range(0, len(_COUNTED), 2)),
    ("shown_cost", "provider_cost"),
    "cost_parts",
    "shown_repriced",
    "charged_at",
    ("first_token", "duration"),
]


def _two_lines(first: str, second: str, *, is_demo: bool = False) -> str:
    return render_to_string("usage/two_lines.html", {"first": first, "second": second, "is_demo": is_demo})


class UsageAdmin(ModelAdmin):
    """What the pages of requests and attempts have in common."""

    list_per_page = 50
    # Counting millions of rows for a page number costs more than the page.
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_fullwidth = True
    list_filter_submit = True
    actions = None
    ordering = ["-id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the gateway writes rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits history."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only prune_usage deletes history."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Returns rows with those of demo providers marked."""
        return with_demo_mark(super().get_queryset(request))

    @display(description="Started", ordering="id")
    def started(self, row: Any) -> Any:
        """The time in TIME_ZONE."""
        return _two_lines(*times.in_two_lines(row.started_at))

    @display(description="Answered by")
    def answered_by(self, row: Any) -> str:
        """The model and its provider."""
        return _two_lines(row.model_name, row.provider_name, is_demo=row.is_demo)

    @display(description="Cost", ordering="cost")
    def shown_cost(self, row: Any) -> str:
        """In US dollars."""
        return formatting.dollars(row.cost)

    @display(description="Charged at")
    def charged_at(self, row: Any) -> str:
        """The prices that the cost was computed from, which stay as they were."""
        price = None if row.price_id is None else Price.objects.filter(pk=row.price_id).first()
        return formatting.UNKNOWN if price is None else figures(price)

    @display(description="The cost in parts")
    def cost_parts(self, row: Any) -> str:
        """In US dollars: those that are not zero."""
        if any(getattr(row, name) is None for name in measures.COST_PARTS):
            return formatting.UNKNOWN
        return " · ".join(map(" ".join, formatting.cost_parts(row))) or formatting.dollars(row.cost)

    @display(description="Cost when last re-priced")
    def shown_repriced(self, row: Any) -> str:
        """In US dollars."""
        return formatting.dollars(row.repriced_cost)

    @display(description="Outcome", ordering="outcome")
    def ended(self, row: Any) -> str:
        """The outcome, with the error if there was one."""
        return render_to_string("usage/outcome.html", {"row": row, "variant": ending.VARIANTS[Outcome(row.outcome)]})

    @display(description="Fidelity")
    def shown_fidelity(self, row: Any) -> str:
        """What the translation dropped, changed or emulated."""
        found = losses(row.fidelity or (), getattr(row, "dropped", None) or {})
        return render_to_string("usage/fidelity.html", {"fidelity": found}) if found else formatting.UNKNOWN

    @display(description="First token", ordering="time_to_first_token_ms")
    def first_token(self, row: Any) -> str:
        """The time to the first token."""
        return formatting.milliseconds(row.time_to_first_token_ms)

    @display(description="Duration", ordering="duration_ms")
    def duration(self, row: Any) -> str:
        """The time from start to end."""
        return formatting.milliseconds(row.duration_ms)


@admin.register(RequestLog)
class RequestLogAdmin(RowsList, Sheet, UsageAdmin):
    """Requests, each with its decision and attempts on its page."""

    kind = REQUESTS
    search_help_text = "Complete request id or session id, of any time"
    change_form_template = "usage/request.html"
    # The page shows a request itself.
    fields = ()

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """Shows the request as usage.admin.request_page says."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            return super().change_view(request, object_id, form_url, extra_context)
        extra = {**page.context(request, row), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)


@admin.register(AttemptLog)
class AttemptLogAdmin(RowsList, UsageAdmin):
    """The attempts of requests."""

    kind = ATTEMPTS
    search_help_text = "Complete request id, of any time, or upstream request id"
    fields = [
        "its_request", ("started", "number"), ("ended", "http_status"), ("error_type", "error_code"),
        ("error_message", "sentence_code"), "provider_message", "answered_by",
        ("dialect", "credential_name"), ("stop_reason", "upstream_request_id"),
        ("reported_model", "service_tier", "region"),
        "shown_fidelity",
        *_MEASURES,
    ]  # fmt: skip

    @display(description="Request")
    def its_request(self, row: AttemptLog) -> str:
        """A link to the request."""
        url = reverse("admin:usage_requestlog_change", args=[row.request_log_id])
        return format_html('<a class="text-link" href="{}">show</a>', url)


@admin.register(SetAside)
class SetAsideAdmin(ModelAdmin):
    """Rows that the database rejected. Delete one when you have dealt with it."""

    list_display = ["request_id", "created_at", "cause"]
    search_fields = ["request_id__exact"]
    fields = ["request_id", "created_at", "cause", "payload"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the writer adds them."""
        return False
