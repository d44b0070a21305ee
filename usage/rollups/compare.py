"""Compares stored rollups with what their rows add up to, one set of dimensions at a time, and corrects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.functions import Cast

from usage.money import to_pico
from usage.rollups import upsert
from usage.rollups.accumulate import Cells, Key
from usage.rollups.cells import AttemptCell, Cell
from usage.rollups.measures import MONEY, SUMS
from usage.rollups.models import AttemptRollup
from usage.rollups.shapes import SHAPES


class Difference(msgspec.Struct, frozen=True):
    """A row of a rollup that differs from its requests; the side that does not have it is None."""

    table: str
    subject: str
    stored: dict[str, Any] | None
    expected: dict[str, Any] | None

    def __str__(self) -> str:
        if self.stored is None or self.expected is None:
            return f"{self.table}: {self.subject}: {'is missing' if self.stored is None else 'has no requests'}"
        parts = [
            f"{name} is {self.stored[name]}, should be {value}"
            for name, value in self.expected.items()
            if self.stored[name] != value
        ]
        return f"{self.table}: {self.subject}: {'; '.join(parts)}"


def lock(model: type[Model]) -> None:
    """Lets writers wait until the transaction ends; readers never wait. SQLite needs none: who writes is alone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {model._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def records(rows: QuerySet[Any], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yields columns of usage rows, money in pico-dollars."""
    names = tuple(names)
    money = {f"{name}_pico": Cast(name, BigIntegerField()) for name in MONEY}
    columns = [f"{name}_pico" if name in MONEY else name for name in names]
    for values in rows.order_by().annotate(**money).values_list(*columns).iterator(chunk_size=2000):
        yield dict(zip(names, values, strict=True))


def stored(model: type[Model], rows: QuerySet[Any]) -> Cells:
    """Returns the cells of rows of a rollup."""
    shape, found = SHAPES[model], Cells()
    for row in rows.values().iterator(chunk_size=2000):
        cell = AttemptCell() if model is AttemptRollup else Cell()
        cell.counts = [row[name] for name in shape.counts]
        cell.sums = [pico(row[name]) if name in MONEY else row[name] for name in SUMS]
        cell.bins = [{int(number): count for number, count in row[name].items()} for name in shape.bins]
        dimensions = tuple(row[name] for name in shape.dimensions)
        moment = int(row["starts_at"].timestamp())
        levels = (row.get(level, False) for level in ("keyless", "of_key"))
        found[Key(moment, row.get("overall", False), dimensions, *levels)] = cell
    return found


def corrected(model: upsert.Model, present: QuerySet[Any], expected: Cells, *, check: bool) -> list[Difference]:
    """Returns in what rows of a rollup differ from what is expected, which takes their place unless `check`."""
    found = list(compared(model, stored(model, present), expected))
    if found and not check:
        present.delete()
        upsert.write(model, expected)
    return found


def compared(model: type[Model], present: Cells, expected: Cells) -> Iterator[Difference]:
    """Yields in what cells differ from those that are expected."""
    for key in {**present, **expected}:
        is_, wanted = _values(model, present.get(key)), _values(model, expected.get(key))
        if is_ != wanted:
            yield Difference(model._meta.db_table, _description(key), is_, wanted)


def pico(dollars: Any) -> int | None:
    """Returns the pico-dollars of an amount; None is unknown."""
    return None if dollars is None else to_pico(dollars)


def _values(model: type[Model], cell: Cell | None) -> dict[str, Any] | None:
    bins = SHAPES[model].bins
    return None if cell is None else {**cell.figures(), **dict(zip(bins, cell.bins, strict=True))}


def _description(key: Key) -> str:
    moment = datetime.fromtimestamp(key.starts_at, UTC)
    set_ = "all" if key.overall else ", ".join("-" if value in (None, "") else str(value) for value in key.dimensions)
    return f"{moment:%Y-%m-%d %H:%M} UTC, {'all keys, ' if key.keyless else 'by key, ' if key.of_key else ''}{set_}"
