"""The pages of a list in the admin: the list itself, the values of a filter, and the file."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from access.audit import record
from providers.fidelity import EXPLANATIONS
from proxysite.console import csv_file, ranges
from proxysite.console.jobs.asking import ask, may_ask
from proxysite.state.jobs import exports
from proxysite.state.models import Job
from usage.admin.requests import page
from usage.admin.requests.question import PLACES, read
from usage.reports.rows import choices, file, reading
from usage.reports.rows.filters import Kind

_FIDELITY = tuple((code.value, code.replace("_", " ")) for code in EXPLANATIONS)


class RowsList:
    """What the admin's pages of requests and of attempts show instead of Django's list."""

    kind: ClassVar[Kind]
    # Of the ModelAdmin that this is mixed into.
    admin_site: Any
    opts: Any
    search_help_text: str

    def get_urls(self) -> list[Any]:
        """Returns the pages, with those of a list."""
        name, view = f"usage_{self.opts.model_name}", self.admin_site.admin_view
        own = [
            path("choices/", view(self.choices_view), name=f"{name}_choices"),
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("prepare/", view(self.prepare_view), name=f"{name}_prepare"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Shows the list. A URL with a NUL, which PostgreSQL accepts in no text, leads to the unfiltered one."""
        self._check(request)
        if _has_nul(request):
            return HttpResponseRedirect(request.path)
        question = read(request, self.kind)
        context = self._frame(request) | page.context(request, question) | (extra_context or {})
        status = 400 if question.error or question.range_error else 200
        return TemplateResponse(request, "usage/requests/list.html", context, status=status)

    @method_decorator(require_safe)
    def choices_view(self, request: HttpRequest) -> HttpResponseBase:
        """Shows the values of one filter as links, or with `part` only these; `find` is a part of their names."""
        self._check(request)
        each = self.kind.filters.get(request.GET.get("of", next(iter(self.kind.filters))))
        if each is None or not each.listed or _has_nul(request):
            raise Http404
        question = read(request, self.kind)
        span = question.range or ranges.named(ranges.STANDARD)
        find = request.GET.get("find", "").strip()
        more = _FIDELITY if each.name == "fidelity" else ()
        found, has_more = choices.choices(self.kind, each, (span.since, span.until), find, more)
        chosen = question.parameters.getlist(each.name)
        missing = [value for value in chosen if value and value not in dict(found) and not find]
        if question.chosen is not None:
            found = [*choices.labels_of(each, missing).items(), *found]
        own = ("of", "find", "part")
        context = {
            "filter": each,
            "choices": [
                {"label": label, "url": f"../{question.url(drop=own, **{each.name: value})}", "chosen": value in chosen}
                for value, label in found
            ],
            "has_more": has_more,
            "last_days": choices.DAYS_OF_KEYS if choices.covered(each, span.since, span.until)[0] > span.since else 0,
            "find": find,
            "kept": [
                (name, value)
                for name, values in request.GET.lists()
                if name not in (*PLACES, "find", "part")
                for value in values
            ],
            "back_url": f"../{question.url(drop=own)}",
            "range_title": question.range.title if question.range else "",
        }
        if "part" in request.GET:
            return TemplateResponse(request, "usage/requests/choices_part.html", context)
        return TemplateResponse(request, "usage/requests/choices.html", self._frame(request) | context)

    @method_decorator(require_safe)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Sends all rows of the list as CSV, the newest first, and writes that into the audit."""
        selection = self._selection(request)
        if isinstance(selection, HttpResponse):
            return selection
        rows = str(self.opts.verbose_name_plural)
        record("usage exported", changes={"rows": rows, "filters": dict(request.GET.lists())})
        names = file.file_columns(self.kind)
        lines = map(file.line, reading.every(selection, names))
        return csv_file.response(request, f"{rows}-{timezone.localdate()}.csv", csv_file.blocks(names, lines))

    @method_decorator(require_POST)
    def prepare_view(self, request: HttpRequest) -> HttpResponseBase:
        """Starts the job that writes all rows of the list to a file."""
        if not may_ask(request.user):
            raise PermissionDenied
        selection = self._selection(request)
        if isinstance(selection, HttpResponse):
            return selection
        return ask(request, Job.Kind.EXPORT, exports.options(str(self.opts.verbose_name_plural), selection))

    def _selection(self, request: HttpRequest) -> reading.Selection | HttpResponse:
        """Returns the rows that the URL asks for, or the answer to one that cannot be read."""
        self._check(request)
        question = read(request, self.kind)
        selection = None if _has_nul(request) else question.selection(request.user)
        if selection is not None:
            return selection
        why = question.error or question.range_error or "The filters are not valid."
        return HttpResponse(why, status=400, content_type="text/plain; charset=utf-8")

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied

    def _frame(self, request: HttpRequest) -> dict[str, Any]:
        title = str(self.opts.verbose_name_plural).capitalize()
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "search_help": self.search_help_text,
        }


def _has_nul(request: HttpRequest) -> bool:
    return any("\0" in value for _, values in request.GET.lists() for value in values)
