"""The audit in the admin: owners, administrators and auditors read it, and nobody writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from access.audit import record
from access.audit.reading import Change, changes_of, kind_of, kinds, list_url
from access.models import AuditEntry
from access.permissions import may
from proxysite.console import csv_file
from proxysite.console.ranges import DayRangeFilter
from usage.reports import times
from usage.reports.spreadsheet import cell

COLUMNS = (
    "number", "at", "person_id", "person", "address", "origin", "action", "kind", "object_id", "object", "changes",
    "hash",
)  # fmt: skip
_BLOCK = 2000
"""Entries of a file that are read at a time."""
_SHOWN_IN_LIST = 3


class PersonFilter(DropdownFilter):
    """By the person's number, so that somebody who was renamed stays one."""

    title, parameter_name = "person", "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns all users, and commands."""
        users = User.objects.order_by("username").values_list("pk", "username")[:1000]
        return [("none", "nobody signed in: commands, refused sign-ins"), *((str(pk), name) for pk, name in users)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the person."""
        chosen = self.value()
        if not chosen:
            return queryset
        if not chosen.isdecimal():
            return queryset.filter(person_id=None)
        return queryset.filter(person_id=int(chosen[:18]))


class KindFilter(DropdownFilter):
    """By the kind of object."""

    title, parameter_name = "kind of object", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the kinds of objects."""
        return [("none", "no object: exports, commands"), *sorted(kinds().items(), key=lambda one: one[1])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the kind."""
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(object_type="" if chosen == "none" else chosen)


class ActionFilter(DropdownFilter):
    """By what was done."""

    title, parameter_name = "action", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the actions that there are."""
        found = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
        return [(one, one) for one in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the action."""
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    """Who did what, when and from where."""

    list_display = ["moment", "who", "action", "what", "what_changed"]
    list_filter = [("at", DayRangeFilter), PersonFilter, ActionFilter, KindFilter]
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_before_template = "access/audit_export.html"
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["object_name", "person_name", "address", "changes"]
    search_help_text = "Object, person, address or what changed"
    actions = None
    fields = ["moment", "who", "action", "what", "every_change", "origin", "number", "shown_hash"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries come with what they are about."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits the audit; the database refuses it, too."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only prune_audit deletes entries."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allows the links of objects' pages to their entries."""
        allowed: bool = lookup == "object_id__exact" or super().lookup_allowed(lookup, value, request)
        return allowed

    def get_urls(self) -> list[Any]:
        """Returns the pages, with the export."""
        export = path("export/", self.admin_site.admin_view(self.export), name="access_auditentry_export")
        return [export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Shows the list. A URL with a NUL, which PostgreSQL accepts in no text, leads to the unfiltered one."""
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, extra_context)

    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Sends the entries that the list has with these filters as CSV, the newest first."""
        if not may(request.user, "access.view_auditentry"):
            raise PermissionDenied
        try:
            if any("\0" in value for _, values in request.GET.lists() for value in values):
                raise IncorrectLookupParameters("NUL")
            entries = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponse("The filters are not valid.", status=400, content_type="text/plain; charset=utf-8")
        record("audit exported", changes={"filters": dict(request.GET.items())} if request.GET else None)
        content = csv_file.blocks(COLUMNS, map(_record, _read(entries)))
        return csv_file.response(request, f"audit-{timezone.localdate()}.csv", content)

    @display(description="When", ordering="number")
    def moment(self, entry: AuditEntry) -> str:
        """The time in TIME_ZONE."""
        return _two_lines(*times.in_two_lines(entry.at))

    @display(description="Who")
    def who(self, entry: AuditEntry) -> str:
        """The person and where they were."""
        return _two_lines(entry.person_name or "nobody signed in", entry.address or entry.origin)

    @display(description="Hash")
    def shown_hash(self, entry: AuditEntry) -> str:
        """The hash, in as many lines as a narrow page needs."""
        return format_html('<span class="gw-breaks">{}</span>', entry.hash)

    @display(description="What")
    def what(self, entry: AuditEntry) -> str:
        """The object with its kind."""
        return _two_lines(entry.object_name, kind_of(entry))

    @display(description="Changes")
    def what_changed(self, entry: AuditEntry) -> str:
        """The first changes."""
        return _changes(changes_of(entry), _SHOWN_IN_LIST)

    @display(description="Changes")
    def every_change(self, entry: AuditEntry) -> str:
        """All changes, and a link to what else happened to the object."""
        url = list_url(entry.object_type, entry.object_id)
        more = format_html('<p><a class="text-link" href="{}">All entries about this object</a></p>', url)
        return _changes(changes_of(entry), None) + (more if entry.object_id else "")


def _two_lines(first: str, second: str) -> str:
    return render_to_string("usage/two_lines.html", {"first": first, "second": second, "is_demo": False})


def _changes(changes: list[Change], most: int | None) -> str:
    shown = changes[:most]
    return render_to_string("access/audit_changes.html", {"changes": shown, "more": len(changes) - len(shown)})


def _read(entries: QuerySet[AuditEntry]) -> Iterator[AuditEntry]:
    """Yields entries, the newest first. Each query is short: whoever loads a file slowly holds no cursor open."""
    block = list(entries.order_by("-number")[:_BLOCK])
    while block:
        yield from block
        block = list(entries.filter(number__lt=block[-1].number).order_by("-number")[:_BLOCK])


def _record(entry: AuditEntry) -> list[Any]:
    return [
        entry.number,
        entry.at.isoformat(),
        entry.person_id,
        *map(cell, (entry.person_name, entry.address, entry.origin, entry.action, entry.object_type)),
        *map(cell, (entry.object_id, entry.object_name, entry.changes)),
        entry.hash,
    ]
