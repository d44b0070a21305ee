"""Statements as files: lines for CSV, and a PDF. Pages and mails send the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import HttpResponse

from access.audit import record
from usage.reports import totals
from usage.reports.spreadsheet import cell
from usage.statements import drafts
from usage.statements.models import Statement
from usage.statements.pdf import pdf
from usage.statements.sheet import sheet_of

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
    response = HttpResponse(pdf(sheet_of(statement)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name_of(statement)}.pdf"'
    return response


def name_of(statement: Statement) -> str:
    """Returns what a statement's files are called, without their ending."""
    return f"statement-{statement.number}"
