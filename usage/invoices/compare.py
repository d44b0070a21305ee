"""Compares an invoice with our attempts, line by line: a day of UTC and a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from usage.invoices import names
from usage.invoices.attempts import Ours
from usage.invoices.causes import Finding, find
from usage.invoices.reading import Figures, Invoice


class Line(msgspec.Struct, frozen=True):
    """One day and model on both sides. `on_invoice` are the model's names there, where they are not the label."""

    day: date
    model: str
    on_invoice: str
    invoice: Figures | None
    ours: Ours | None
    finding: Finding


def compare(invoice: Invoice, ours: Mapping[tuple[date, str], Ours], aliases: Mapping[str, str]) -> list[Line]:
    """Returns a line for each day and model of the invoice or of ours, in order; of the invoice's days alone."""
    theirs: dict[tuple[date, str], Figures] = {}
    mine: dict[tuple[date, str], Ours] = {}
    written: dict[str, set[str]] = {}
    labels = names.match({name for _, name in invoice.figures}, {name for _, name in ours}, aliases)
    for (day, name), figures in invoice.figures.items():
        label = labels.invoice[name] if invoice.by_model else ""
        written.setdefault(label, set()).add(name)
        _add(theirs.setdefault((day, label), Figures()), figures)
    for (day, name), more in ours.items():
        mine.setdefault((day, labels.ours[name] if invoice.by_model else ""), Ours()).add(more)
    known, has_cost = {label for _, label in mine}, invoice.has_cost
    lines = []
    for day, label in sorted({*theirs, *mine}):
        pair = theirs.get((day, label)), mine.get((day, label))
        finding = find(*pair, has_cost=has_cost, is_known=label in known)
        other_names = ", ".join(sorted(written.get(label, set()) - {label}))
        lines.append(Line(day, label, other_names[:300], *pair, finding))
    return lines


def _add(to: Figures, more: Figures) -> None:
    for name in to.__struct_fields__:
        known: list[int | Decimal] = [each for each in (getattr(to, name), getattr(more, name)) if each is not None]
        setattr(to, name, sum(known[1:], start=known[0]) if known else None)
