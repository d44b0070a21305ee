"""Results that are kept: made from a file, deleted, and added up for pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from access import audit
from usage.dollars_sum import DollarsSum
from usage.invoices import drafts
from usage.invoices.attempts import figures
from usage.invoices.columns import FIGURES, Layout
from usage.invoices.compare import Line, compare
from usage.invoices.models import (
    WITHOUT_DIFFERENCE,
    Cause,
    InvoiceDraft,
    Reconciliation,
    ReconciliationLine,
)
from usage.invoices.reading import Invoice, read
from usage.invoices.sheet import sheet

COMPARED: Final = "invoice compared"
DELETED: Final = "invoice comparison deleted"
_BATCH: Final = 30
"""Lines of one statement: SQLite takes at most 999 values in older versions."""


def make(draft: InvoiceDraft, layout: Layout, user_id: int) -> Reconciliation:
    """Compares a file with our attempts and keeps the result; saves the layout for the provider's next invoice, and
    writes the audit. Raises InvoiceError."""
    invoice = read(sheet(draft.text, layout.delimiter), layout)
    lines = compare(invoice, figures(draft.provider_id, invoice.first, invoice.last), layout.aliases)
    with transaction.atomic():
        result = _result(draft, layout, invoice, lines)
        result.created_by = user_id
        result.save(force_insert=True)
        ReconciliationLine.objects.bulk_create(
            (_line(result, at, line) for at, line in enumerate(lines)), batch_size=_BATCH
        )
        # Everybody's changes wait for it: not while tens of thousands of lines are written, which nobody else sees yet.
        audit.lock()
        drafts.save_layout((draft.provider_id, draft.provider_name), layout)
        audit.record(COMPARED, result, _noted(result))
    return result


def delete(result: Reconciliation) -> None:
    """Deletes a result with its lines, and writes the audit."""
    with transaction.atomic():
        audit.lock()
        audit.record(DELETED, result, _noted(result))
        drafts.delete_old()
        result.lines.all().delete()
        result.delete()


def by_cause(result: Reconciliation) -> list[dict[str, Any]]:
    """Returns the causes of a result's differences with the number of lines and the sum, the largest first."""
    rows = differing(result.lines.all()).order_by().values("cause")
    found = rows.annotate(count=Count("pk"), cost=DollarsSum("difference"), tokens=Sum("token_difference"))
    named = [{**row, "title": Cause(row["cause"]).label} for row in found]
    return sorted(named, key=lambda row: (-abs(row["cost"] or 0), -abs(row["tokens"] or 0)))


def grouped(lines: QuerySet[ReconciliationLine], by: str) -> list[dict[str, Any]]:
    """Returns lines added up by "day" or "model_name", in order of it."""
    money = {f"{side}_cost": DollarsSum(f"{side}_cost") for side in ("invoice", "our")}
    sums: dict[str, Any] = {
        f"{side}_{name}": Sum(f"{side}_{name}") for side in ("invoice", "our") for name in FIGURES if name != "cost"
    }
    prefixed = {f"sum_{name}": each for name, each in (sums | money).items()}
    prefixed |= {"sum_difference": DollarsSum("difference"), "sum_token_difference": Sum("token_difference")}
    rows = lines.order_by(by).values(by).annotate(**prefixed, pruned=Count("pk", filter=Q(is_pruned=True)))
    return [{name.removeprefix("sum_"): value for name, value in row.items()} for row in rows]


def differing(lines: QuerySet[ReconciliationLine]) -> QuerySet[ReconciliationLine]:
    """Returns the lines with a difference."""
    return lines.exclude(cause__in=WITHOUT_DIFFERENCE)


def _result(draft: InvoiceDraft, layout: Layout, invoice: Invoice, lines: list[Line]) -> Reconciliation:
    billed = sum((each.cost or 0 for each in invoice.figures.values()), start=Decimal(0))
    ours = sum((line.ours.cost or 0 for line in lines if line.ours is not None), start=Decimal(0))
    return Reconciliation(
        provider_id=draft.provider_id, provider_name=draft.provider_name, first_day=invoice.first,
        last_day=invoice.last, file_name=draft.file_name, file_hash=draft.file_hash, file_lines=invoice.lines,
        skipped_lines=invoice.skipped, left_out_lines=invoice.left_out, currency=invoice.currency, rate=layout.rate,
        by_model=invoice.by_model, invoice_cost=billed if invoice.has_cost else None, our_cost=ours,
        line_count=len(lines), differences=sum(line.finding.cause not in WITHOUT_DIFFERENCE for line in lines),
    )  # fmt: skip


def _line(result: Reconciliation, at: int, line: Line) -> ReconciliationLine:
    sides = (("invoice", line.invoice), ("our", line.ours))
    sums = {f"{side}_{name}": getattr(of, name, None) for side, of in sides for name in FIGURES}
    finding = line.finding
    return ReconciliationLine(
        reconciliation=result, position=at, day=line.day, model_name=line.model[:160], on_invoice=line.on_invoice,
        is_pruned=line.ours is not None and line.ours.is_pruned, difference=finding.difference,
        token_difference=finding.tokens, cause=finding.cause, explanation=finding.explanation[:1000], **sums,
    )  # fmt: skip


def _noted(result: Reconciliation) -> dict[str, Any]:
    return {
        "provider": result.provider_name, "days": f"{result.first_day} to {result.last_day}",
        "file": result.file_name, "hash": result.file_hash, "differences": result.differences,
    }  # fmt: skip
