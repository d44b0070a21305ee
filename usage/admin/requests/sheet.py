"""What is shown of a request beside the list, without leaving it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from access.permissions import may
from access.roles.scope import visible
from usage.admin.request_page.facts import tags_of
from usage.admin.request_page.page import session_url
from usage.admin.requests import columns
from usage.models import AttemptLog, RequestLog
from usage.reports import ending, formatting
from usage.reports.rows.filters import ATTEMPTS, REQUESTS


class Sheet:
    """The page's part about one request, mixed into its ModelAdmin."""

    admin_site: Any

    def get_urls(self) -> list[Any]:
        """Returns the pages, with the sheet."""
        view = self.admin_site.admin_view(self.sheet_view)
        return [path("<uuid:object_id>/sheet/", view, name="usage_requestlog_sheet"), *super().get_urls()]  # type: ignore[misc]

    @method_decorator(require_safe)
    def sheet_view(self, request: HttpRequest, object_id: UUID) -> HttpResponseBase:
        """Shows the request, with its attempts to those who may see attempts."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        row = visible(request.user, RequestLog.objects.filter(pk=object_id)).first()
        if row is None:
            raise Http404
        attempts: list[AttemptLog] = []
        if may(request.user, "usage.view_attemptlog"):
            attempts = list(AttemptLog.objects.filter(request_log_id=row.pk).order_by("number"))
        context = {
            "row": row,
            "line": columns.shown(REQUESTS, [row], request.user)[0],
            "sentence": ending.sentence(row, attempts),
            "facts": _facts(row),
            "attempts": columns.shown(ATTEMPTS, attempts, request.user),
            "page_url": reverse("admin:usage_requestlog_change", args=[row.pk]),
            "session_url": session_url(row),
        }
        return TemplateResponse(request, "usage/requests/sheet.html", context)


def _facts(row: RequestLog) -> list[tuple[str, str]]:
    parts = ", ".join(map(" ".join, formatting.cost_parts(row)))
    found = (
        ("Request", row.request_id),
        ("Requested model", row.request_model),
        ("Route", row.route_name),
        ("Chosen by", f"{row.phase} {row.rule}".strip()),
        ("Team", row.team_name),
        ("Owner", row.owner_name),
        ("Key", row.key_name),
        ("Client", f"{row.client_name} {row.client_version}".strip()),
        ("Tags", ", ".join(tags_of(row))),
        ("Session", row.session_id),
        ("Agent", f"{row.agent_type} {row.agent_id}".strip()),
        ("Stop reason", row.stop_reason),
        ("Cost", parts),
        ("Changed in translation", ", ".join(code.replace("_", " ") for code in row.fidelity or ())),
        ("Provider's words", row.provider_message or ""),
    )
    return [(name, text) for name, text in found if text]
