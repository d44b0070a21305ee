"""Attempts of a provider, and the invoice that it would send for them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.usage.added import store
from tests.usage.dated import attempt, day, request
from usage.invoices.attempts import figures
from usage.invoices.columns import guess
from usage.invoices.compare import Line, compare
from usage.invoices.reading import read
from usage.invoices.sheet import sheet
from usage.models import AttemptLog

PROVIDER = 7
_COLUMNS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost")


def attempted(moment: str, **fields: Any) -> None:
    """Stores a request with one attempt of PROVIDER: a dollar, unless `cost` in pico-dollars says otherwise."""
    standard = {"provider_id": PROVIDER, "provider_name": "mine", "model_name": "opus", "cost": 10**12}
    tokens = {"input_tokens": 100, "cache_read_tokens": 0, "cache_write_tokens": 0, "output_tokens": 10}
    one = request(day(moment))
    store([one], [attempt(one, **{**standard, **tokens, **fields})])


def invoice_of(rows: Iterable[AttemptLog]) -> str:
    """Returns an invoice for attempts as CSV: a line for each, and the total."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["usage_date_utc", "model", "requests", *_COLUMNS[:-1], "cost_usd"])
    total = Decimal(0)
    for row in rows:
        figures = [getattr(row, name) for name in _COLUMNS]
        writer.writerow([row.started_at.isoformat(), row.reported_model or row.model_name, 1, *figures])
        total += figures[-1] or 0
    writer.writerow(["Total", *[""] * 6, total])
    return text.getvalue()


def compared(invoice: str, **aliases: str) -> list[Line]:
    """Returns the lines of an invoice of PROVIDER, whose columns are guessed."""
    found = sheet(invoice)
    what = read(found, guess(found))
    return compare(what, figures(PROVIDER, what.first, what.last), aliases)
