"""Statements as files: lines for CSV, a PDF, and a mail with both. Pages and mails send the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse

from access.audit import record
from access.mail import Attachment
from proxysite.console import csv_file
from usage.reports import totals
from usage.reports.formatting import count, dollars
from usage.reports.spreadsheet import cell
from usage.statements import drafts
from usage.statements.models import Statement, StatementMail
from usage.statements.sheet import Sheet, sheet_of

COLUMNS: Final = (
    *("statement", "team_id", "team", "cost_centre", "statement_month", "kind", "month", "provider", "model"),
    *("requests", "unpriced", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd"),
    *("currency", "rate"),
)


def records(statements: Iterable[Statement]) -> Iterator[list[Any]]:
    """Yields a record of COLUMNS for each line of statements. Amounts are exact decimals."""
    for one in statements:
        for line in one.lines.all():
            yield [
                one.number, one.team_id, cell(one.team_name), cell(one.cost_centre), f"{one.month:%Y-%m}",
                line.kind, f"{line.month:%Y-%m}", cell(line.provider_name), cell(line.model_name),
                *(totals.exact(getattr(line, name)) for name in drafts.SUMS),
                one.currency, totals.exact(one.rate),
            ]  # fmt: skip


def pdf_response(statement: Statement) -> HttpResponse:
    """Returns the response with a statement's PDF, and writes that it was taken out."""
    record("usage exported", changes={"statements": [statement.number], "format": "pdf"})
    response = HttpResponse(_pdf(sheet_of(statement)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name_of(statement)}.pdf"'
    return response


def _pdf(sheet: Sheet) -> bytes:
    # Its libraries take 20 MB and most of a second to load, and the workers of the gateway, which import this module
    # for mails, may never make one.
    from usage.statements.pdf import pdf

    return pdf(sheet)


def name_of(statement: Statement) -> str:
    """Returns what a statement's files are called, without their ending."""
    return f"statement-{statement.number}"


def mail_of(message: StatementMail) -> tuple[str, str, list[Attachment]]:
    """Returns subject, text and files of a mail with a statement."""
    sheet, name = sheet_of(message.statement), name_of(message.statement)
    lines = b"".join(csv_file.blocks(COLUMNS, records([message.statement])))
    files = [
        Attachment(f"{name}.pdf", _pdf(sheet), "application/pdf"),
        Attachment(f"{name}.csv", lines, "text/csv"),
    ]
    one = sheet.statement
    subject = f"Statement No. {one.number}: {one.team_name}, {one.month:%B %Y}, {dollars(one.total)}"
    return subject, _mail_text(sheet, message), files


def _mail_text(sheet: Sheet, message: StatementMail) -> str:
    one = sheet.statement
    second = f" ({one.currency} {one.converted:,.2f} at {one.shown_rate} for a dollar)" if one.rate else ""
    requests = sum(line.requests for line in sheet.usage)
    lines = [
        f"Team {one.team_name}, {one.month} to {sheet.last_day} ({one.zone})",
        "",
        f"Total: {dollars(one.total)}{second}",
        f"Usage of {one.month:%B %Y}: {dollars(sheet.usage_cost)}, {count(requests)} requests",
    ]
    if sheet.others:
        lines.append(f"Late usage and corrections of earlier months: {dollars(sheet.others_cost)}")
    if sheet.unpriced > 0:
        lines.append(f"Requests without a price, which the cost leaves out: {count(sheet.unpriced)}")
    if one.cost_centre:
        lines.append(f"Cost centre: {one.cost_centre}")
    lines += ["", "The statement is attached as PDF, and its lines as CSV."]
    if message.person_id is not None:
        lines.append(f"{settings.PUBLIC_URL}/my/teams/{one.team_id}/statements/{one.number}/")
    return "\n".join([*lines, "", f"The gateway at {settings.PUBLIC_URL} sends this.", ""])
