"""The pages of invoices: results and a form for a file, its columns, a result, its files, and deleting it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.audit import record
from proxysite.console import csv_file, xlsx_file
from proxysite.console.invoices import result_rows
from proxysite.console.invoices.forms import LayoutForm, UploadForm
from usage.invoices import drafts, results
from usage.invoices.columns import FIGURES, MEANINGS, guess
from usage.invoices.errors import InvoiceError
from usage.invoices.models import InvoiceDraft, Reconciliation
from usage.invoices.sheet import DELIMITERS, head, sheet
from usage.reports import totals
from usage.reports.spreadsheet import cell

VIEW, ADD, DELETE = (f"usage.{verb}_reconciliation" for verb in ("view", "add", "delete"))
SHOWN: Final = 500
"""Lines on a page; files have all."""
LISTED: Final = 200
_SIDES: Final = tuple(f"{side}_{name}" for name in FIGURES for side in ("invoice", "our"))
COLUMNS: Final = (
    *("day_utc", "model", "on_invoice"),
    *(f"{name}_usd" if name.endswith("cost") else name for name in _SIDES),
    *("difference_usd", "token_difference", "cause", "explanation", "pruned"),
)
_FORMATS: Final = (
    *("", "", ""),
    *(xlsx_file.DOLLARS if name.endswith("cost") else xlsx_file.COUNT for name in _SIDES),
    *(xlsx_file.DOLLARS, xlsx_file.COUNT, "", "", ""),
)
GROUPS: Final = {"": "Day and model", "day": "Day", "model": "Model"}


@require_safe
@permission_required(VIEW, raise_exception=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """The results that are kept, and a form for another file."""
    return _list(request, UploadForm())


@require_POST
@permission_required(ADD, raise_exception=True)
def upload(request: HttpRequest) -> HttpResponse:
    """Takes a file, and goes on to its columns."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=400)
    provider_id, file = form.cleaned_data["provider"], form.cleaned_data["file"]
    try:
        drafts.put(_user(request), (provider_id, form.names[provider_id]), file.name, file.read())
    except InvoiceError as error:
        for problem in error.problems:
            form.add_error("file", problem)
        return _list(request, form, status=400)
    return HttpResponseRedirect(reverse("console:invoice-columns"))


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def columns(request: HttpRequest) -> HttpResponse:
    """What the columns of the file mean, and comparing it."""
    draft = drafts.get(_user(request))
    if draft is None:
        messages.info(request, "Choose a file first. A file is kept for a day.")
        return HttpResponseRedirect(reverse("console:invoices"))
    saved = drafts.saved_layout(draft.provider_id)
    first = head(draft.text)
    if request.method != "POST":
        found = sheet(first)
        return _columns(request, draft, LayoutForm(found, layout=guess(found, saved)))
    delimiter = request.POST.get("read_with", "")
    delimiter = delimiter if delimiter in DELIMITERS else ""
    form = LayoutForm(sheet(first), request.POST)
    try:
        form = LayoutForm(sheet(first, delimiter), request.POST)
        if not form.is_valid():
            return _columns(request, draft, form, status=400)
        if form.cleaned_data["delimiter"] != delimiter:
            found = sheet(first, form.cleaned_data["delimiter"])
            return _columns(request, draft, LayoutForm(found, layout=guess(found, saved)))
        result = results.make(draft, form.layout(), _user(request))
    except InvoiceError as error:
        return _columns(request, draft, form, error.problems, status=400)
    return HttpResponseRedirect(reverse("console:invoice", args=[result.pk]))


@require_safe
@permission_required(VIEW, raise_exception=True)
def page(request: HttpRequest, reconciliation_id: int) -> HttpResponse:
    """A result: both totals, the causes, and the lines."""
    result = get_object_or_404(Reconciliation, pk=reconciliation_id)
    by = request.GET.get("by", "")
    by = by if by in GROUPS else ""
    only = request.GET.get("only") == "differences"
    rows = result_rows.rows(result, by, SHOWN + 1, only_differences=only)
    draft = drafts.waiting(_user(request)) if request.user.has_perm(ADD) else None
    context = {
        **admin.site.each_context(request),
        "title": f"Invoice of {result.provider_name}",
        "result": result,
        "percent": result_rows.percent(result.difference, result.our_cost),
        "user_name": _name(result.created_by),
        "causes": results.by_cause(result),
        "rows": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "by": by,
        "only": only,
        "groups": [(title, _query(name, only=only), name == by) for name, title in GROUPS.items()],
        "filters": [("All lines", _query(by, only=False), not only), ("Differences", _query(by, only=True), only)],
        "may_delete": request.user.has_perm(DELETE),
        "may_change": draft is not None and draft.file_hash == result.file_hash,
    }
    return TemplateResponse(request, "console/invoice.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def export(request: HttpRequest, reconciliation_id: int, format: str) -> HttpResponseBase:
    """All lines of a result as CSV or XLSX. Amounts of CSV are exact decimals."""
    result = get_object_or_404(Reconciliation, pk=reconciliation_id)
    record("usage exported", changes={"invoice": result.pk, "format": format})
    name = f"invoice-{result.pk}.{format}"
    if format == "xlsx":
        return xlsx_file.response(name, COLUMNS, _records(result), _FORMATS)
    records = (
        [cell(value) if isinstance(value, str) else totals.exact(value) for value in line] for line in _records(result)
    )
    return csv_file.response(request, name, csv_file.blocks(COLUMNS, records))


@require_POST
@permission_required(DELETE, raise_exception=True)
def delete(request: HttpRequest, reconciliation_id: int) -> HttpResponse:
    """Deletes a result."""
    result = get_object_or_404(Reconciliation, pk=reconciliation_id)
    results.delete(result)
    messages.success(request, f"Deleted the comparison of {result}.")
    return HttpResponseRedirect(reverse("console:invoices"))


def _list(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    found = list(Reconciliation.objects.order_by("-pk")[: LISTED + 1])
    context = {
        **admin.site.each_context(request),
        "title": "Invoices",
        "results": found[:LISTED],
        "more": len(found) > LISTED,
        "form": form,
        "may_add": request.user.has_perm(ADD),
        "draft": drafts.waiting(_user(request)) if request.user.has_perm(ADD) else None,
    }
    return TemplateResponse(request, "console/invoices.html", context, status=status)


def _columns(
    request: HttpRequest, draft: InvoiceDraft, form: LayoutForm, problems: Iterable[str] = (), status: int = 200
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": f"Columns of {draft.file_name}",
        "draft": draft,
        "form": form,
        "columns": list(form.columns()),
        "meanings": [(meaning.name, meaning.title) for meaning in MEANINGS],
        "read_with": form.read_with,
        "problems": problems,
    }
    return TemplateResponse(request, "console/invoice_columns.html", context, status=status)


def _records(result: Reconciliation) -> Iterable[list[Any]]:
    for line in result.lines.iterator(chunk_size=500):
        yield [
            line.day, line.model_name, line.on_invoice, *(getattr(line, name) for name in _SIDES),
            line.difference, line.token_difference, line.get_cause_display(), line.explanation,
            "yes" if line.is_pruned else "",
        ]  # fmt: skip


def _query(by: str, *, only: bool) -> str:
    pairs = [f"by={by}" if by else "", "only=differences" if only else ""]
    return f"?{'&'.join(filter(None, pairs))}"


def _user(request: HttpRequest) -> int:
    return int(request.user.pk or 0)


def _name(user_id: int | None) -> str:
    user = None if user_id is None else User.objects.filter(pk=user_id).first()
    return "" if user is None else user.get_username()
