"""The pages of statements: a list of a month's teams, a statement, closing a month, its rate, the schedule, files."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from access import mail
from access.audit import record
from proxysite.console import csv_file
from proxysite.console.statements import mailing
from proxysite.console.statements.files import COLUMNS, pdf_response, records
from proxysite.console.statements.months import month_of
from usage.rollups.accumulate import month_after
from usage.statements import mails, overview
from usage.statements.closing import NotClosed, one_team
from usage.statements.closing import close as close_months
from usage.statements.models import ExchangeRate, Statement, StatementMail
from usage.statements.sheet import sheet_of

VIEW, CLOSE = "usage.view_statement", mailing.CLOSE


class RateForm(forms.ModelForm):  # type: ignore[type-arg]
    """The second currency of a month."""

    rate = forms.DecimalField(
        min_value=Decimal("0.000001"),
        max_value=Decimal(1_000_000),
        decimal_places=6,
        label="Rate for a US dollar",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )

    class Meta:
        model = ExchangeRate
        fields = ["currency", "rate"]
        widgets = {"currency": UnfoldAdminTextInputWidget(attrs={"maxlength": 3, "placeholder": "EUR"})}

    def clean_currency(self) -> str:
        """Returns the letters, also where they were given small."""
        return str(self.cleaned_data["currency"]).upper()


@require_safe
@permission_required(VIEW, raise_exception=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """The teams of a month: closed with their number, or open with the sum so far."""
    month = month_of(request.GET.get("month", ""))
    rate = ExchangeRate.objects.filter(month=month).first()
    return _list(request, month, RateForm(instance=rate), rate)


@require_POST
@permission_required(CLOSE, raise_exception=True)
def close(request: HttpRequest) -> HttpResponse:
    """Closes a month of one team, or of all whose month is over; months before it that are open first."""
    month = month_of(request.POST.get("month", ""))
    only = request.POST.get("team", "")
    closed: list[Statement] = []
    failed = []
    for row in overview.rows(month):
        if row.statement is None and row.is_over and only in ("", str(row.team_id)):
            try:
                with one_team(row.team_id, month):
                    closed.extend(close_months(row.team_id, month, request.user.pk))
            except NotClosed:
                failed.append(row.team_name)
    if closed:
        earlier = sum(one.month < month for one in closed)
        also = f", {earlier} of them for earlier months" if earlier else ""
        messages.success(request, f"Closed {len(closed)} statement{'s' if len(closed) > 1 else ''}{also}.")
    elif not failed:
        messages.info(request, "There was nothing to close: the month is closed already, or not over yet.")
    if failed:
        messages.error(request, f"Not closed, the log says why: {', '.join(failed)}.")
    return HttpResponseRedirect(_url(month))


@require_POST
@permission_required(CLOSE, raise_exception=True)
def set_rate(request: HttpRequest) -> HttpResponse:
    """Sets the second currency of a month, or removes it where the form is empty. Statements that are closed keep the
    rate that they have, so it cannot change once there is one."""
    month = month_of(request.POST.get("month", ""))
    rate = ExchangeRate.objects.filter(month=month).first()
    if Statement.objects.filter(month=month).exists():
        messages.error(request, f"Statements of {month:%B %Y} are closed with the rate that they have.")
        return HttpResponseRedirect(_url(month))
    if rate is not None and not request.POST.get("currency") and not request.POST.get("rate"):
        rate.delete()
        return HttpResponseRedirect(_url(month))
    form = RateForm(request.POST, instance=rate or ExchangeRate(month=month))
    if not form.is_valid():
        return _list(request, month, form, rate, status=400)
    form.save()
    messages.success(request, f"Statements of {month:%B %Y} will show {form.instance.currency} beside US dollars.")
    return HttpResponseRedirect(_url(month))


@require_POST
@permission_required(CLOSE, raise_exception=True)
def set_schedule(request: HttpRequest) -> HttpResponse:
    """Sets when months are closed by themselves, and whether statements are mailed."""
    month = month_of(request.POST.get("month", ""))
    form = mailing.ScheduleForm(request.POST, instance=mailing.present())
    if not form.is_valid():
        rate = ExchangeRate.objects.filter(month=month).first()
        return _list(request, month, RateForm(instance=rate), rate, schedule=form, status=400)
    form.save()
    messages.success(request, mailing.summary(form.instance) or "Nothing is closed or mailed by itself.")
    return HttpResponseRedirect(_url(month))


@require_safe
@permission_required(VIEW, raise_exception=True)
def page(request: HttpRequest, number: int) -> HttpResponse:
    """One statement, to read and to print."""
    statement = get_object_or_404(Statement, pk=number)
    closer = None if statement.closed_by is None else User.objects.filter(pk=statement.closed_by).first()
    context = {
        **admin.site.each_context(request),
        "title": f"Statement {statement.number}",
        "statement": statement,
        "month_url": _url(statement.month),
        "csv_url": reverse("console:statement-csv", args=[statement.number]),
        "pdf_url": reverse("console:statement-pdf", args=[statement.number]),
        "closer": closer,
        "sheet": sheet_of(statement),
        "mails": mailing.of_statement(statement),
        "may_send": request.user.has_perm(CLOSE),
        "no_server": "" if mail.is_configured() else mailing.NO_SERVER,
    }
    return TemplateResponse(request, "console/statement.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def paper(request: HttpRequest, number: int) -> HttpResponse:
    """One statement as a PDF."""
    return pdf_response(get_object_or_404(Statement, pk=number))


@require_safe
@permission_required(VIEW, raise_exception=True)
def export(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """The lines of one statement as CSV, or of all that are closed of a month. Amounts are exact decimals."""
    if number is None:
        month = month_of(request.GET.get("month", ""))
        found, name = list(Statement.objects.filter(month=month).order_by("number")), f"statements-{month:%Y-%m}.csv"
    else:
        found, name = [get_object_or_404(Statement, pk=number)], f"statement-{number}.csv"
    record("usage exported", changes={"statements": [one.number for one in found]})
    return csv_file.response(request, name, csv_file.blocks(COLUMNS, records(found)))  # type: ignore[return-value]


def _list(
    request: HttpRequest,
    month: date,
    form: RateForm,
    rate: ExchangeRate | None,
    schedule: mailing.ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    rows, present = overview.rows(month), mailing.present()
    context = {
        **admin.site.each_context(request),
        "title": "Statements",
        "month": month,
        "before_url": _url((month - timedelta(days=1)).replace(day=1)),
        "after_url": _url(month_after(month)) if month <= overview.last_month() else "",
        "rows": rows,
        "closed": sum(row.statement is not None for row in rows),
        "total": sum((row.cost or 0 for row in rows), start=Decimal(0)),
        "may_close": request.user.has_perm(CLOSE),
        "to_close": sum(row.statement is None and row.is_over for row in rows),
        "rate": rate,
        "form": form,
        "schedule": schedule or mailing.ScheduleForm(instance=present),
        "summary": mailing.summary(present),
        "no_server": mailing.NO_SERVER if present.mails and not mail.is_configured() else "",
        "not_mailed": mails.not_sent(StatementMail.objects.filter(statement__month=month)),
    }
    return TemplateResponse(request, "console/statements.html", context, status=status)


def _url(month: date) -> str:
    return f"{reverse('console:statements')}?month={month:%Y-%m}"
