"""A model's prices into rows: those in the file are all that it has. Another gateway's file adds only missing ones."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from msgspec import UNSET

from configuration.apply.context import Task
from configuration.apply.import_report import ConfigurationError
from configuration.file.fields import wanted_of
from configuration.file.schema import PriceEntry
from providers.models import Model
from providers.pricing.prices import Price, refuse_overlap


def apply(task: Task, place: str, model: Model, name: str, entries: Sequence[PriceEntry]) -> None:
    """Write the prices; one is told from another by the moment from which it holds."""
    here = {price.valid_from: price for price in model.prices.all()}
    if task.foreign and here:
        # Prices have a history that usage was charged by; no file of another gateway knows it.
        return
    rows = []
    for number, entry in enumerate(entries):
        start = None if entry.valid_from is UNSET else entry.valid_from
        where = f"{place}.prices[{number}]"
        row = here.pop(start, None) or Price(model=model)
        wanted = {"valid_from": None, "valid_until": None, **wanted_of(entry, Price, complete=task.complete)}
        rows.append((where, row, wanted))
    _refuse_overlaps(rows, model)
    for price in here.values():
        task.ledger.remove(price, f"{name}, {price}")
    for where, row, wanted in rows:
        # Overlaps were looked for in the file itself: on the way from old to new, rows may overlap for a moment.
        task.ledger.put(where, row, f"{name}, {Price(**_span(wanted))}", wanted, unique=False)


def _refuse_overlaps(rows: Sequence[tuple[str, Price, dict[str, object]]], model: Model) -> None:
    spans: list[Price] = []
    for where, _, wanted in rows:
        span = Price(model=model, **_span(wanted))
        try:
            refuse_overlap(span, spans)
        except ValidationError as error:
            raise ConfigurationError(f"{where}.valid_from: {' '.join(error.messages)}") from error
        spans.append(span)


def _span(wanted: dict[str, object]) -> dict[str, object]:
    return {name: wanted[name] for name in ("valid_from", "valid_until")}
