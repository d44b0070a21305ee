"""Writes a model's prices. Those in the file are all that the model has from now on; what was charged before stays.

A file says what each span of time costs. Of spans that have begun the past is history: other amounts end the prices
that are in force and begin others, and the same file changes nothing when it is imported again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from configuration.apply.context import ImportContext
from configuration.file.fields import values_of
from configuration.file.schema import ConfigurationError, PriceEntry
from providers.models import Model
from providers.pricing.prices import Price, refuse_overlap

_HISTORY = "These prices are over. Requests were charged at others then, which stay."


def write_prices(
    context: ImportContext, place: str, model: Model, name: str, entries: Sequence[PriceEntry], rows: list[Price]
) -> None:
    """Writes the prices of a model, which has `rows` now. A file of another gateway adds them only to a model that has
    none."""
    if context.foreign and rows:
        return
    wanted = [(f"{place}.prices[{number}]", _values(context, entry)) for number, entry in enumerate(entries)]
    _refuse_overlaps(wanted, model)
    schedule = _Schedule(rows, context.report.moment)
    found = [(where, schedule.fitting(values), values) for where, values in wanted]
    for unmentioned in schedule.unmentioned():
        context.report.remove(unmentioned, f"{name}, {unmentioned}")
    for where, row, values in found:
        if row is _STAYS:
            context.report.not_carried_over.append(f"{where}: {_HISTORY}")
        else:
            # The file itself was checked for overlaps; rows may overlap while they are being changed one by one.
            price = row or Price(model=model)
            if any(getattr(price, field) != amount for field, amount in values.items() if field in price.amounts()):
                price.source = Price.Source.FILE
            span = "prices from now on" if values["valid_from"] is context.report.moment else Price(**_span(values))
            context.report.save(where, price, f"{name}, {span}", values, unique=False)


class _Schedule:
    """The prices that a model has, and which of them an entry of the file is about."""

    def __init__(self, rows: list[Price], now: datetime) -> None:
        self._now = now
        self._begun = [row for row in rows if row.has_begun(self._now)]
        self._in_force = next((row for row in self._begun if not row.is_over(self._now)), None)
        self._left = {row.valid_from: row for row in rows if not row.is_over(self._now)}

    def fitting(self, values: dict[str, Any]) -> Price | None:
        """Returns the row that gets the values, which may then begin at another moment; None for a new one.

        It is _STAYS where the values are of a past that was charged at other prices.
        """
        entry = Price(**_span(values))
        if entry.is_over(self._now):
            return self._past(values)
        if not entry.has_begun(self._now):
            return self._left.pop(entry.valid_from, None)
        row = self._in_force
        if row is not None:
            self._left.pop(row.valid_from, None)
            values["valid_from"] = row.valid_from
        elif self._begun:
            values["valid_from"] = self._now
        return row

    def unmentioned(self) -> list[Price]:
        """Returns the rows in force or in the future that no entry was about."""
        return list(self._left.values())

    def _past(self, values: dict[str, Any]) -> Price | None:
        known = next((row for row in self._begun if row.valid_from == values["valid_from"]), None)
        if known is not None and all(getattr(known, field) == value for field, value in values.items()):
            return known
        try:
            refuse_overlap(Price(**_span(values)), self._begun)
        except ValidationError:
            return _STAYS
        return None


_STAYS = Price()


def _values(context: ImportContext, entry: PriceEntry) -> dict[str, Any]:
    given = values_of(entry, Price, complete=context.complete)
    return {"valid_from": None, "valid_until": None, **given}


def _refuse_overlaps(wanted: Sequence[tuple[str, dict[str, Any]]], model: Model) -> None:
    spans: list[Price] = []
    for where, values in wanted:
        span = Price(model=model, **_span(values))
        try:
            refuse_overlap(span, spans)
        except ValidationError as error:
            raise ConfigurationError(f"{where}.valid_from: {' '.join(error.messages)}") from error
        spans.append(span)


def _span(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in ("valid_from", "valid_until")}
