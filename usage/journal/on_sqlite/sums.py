"""Adds to rows of rollups that are there: an UPDATE of what changes, instead of an upsert of every column."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from django.db import models

from usage.journal.on_sqlite import bins
from usage.rollups.cells import LARGEST, Cell
from usage.rollups.histogram import LOWEST, Bins, bin_of
from usage.rollups.measures import SUMS
from usage.rollups.shapes import SHAPES

Pattern = tuple[bool | None, ...]
"""For each count and sum whether it grows, None where it is unknown."""
_QUICK = b"".join(bytes([number]) * (end - low) for number, (low, end) in enumerate(pairwise(LOWEST)) if low < 2**16)[
    : 2**16
]
"""The bins of a minute: to look for one takes five times as long."""


class Gone(Exception):
    """A row that was known is no longer there."""


class Change:
    """What a cell adds to each of its rows."""

    __slots__ = ("binned", "cell", "functions", "pattern", "values")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        figures = cell.counts + cell.sums
        self.pattern: Pattern = tuple([figure if figure is None else figure != 0 for figure in figures])
        self.values: list[Any] = [figure if figure <= LARGEST else LARGEST for figure in figures if figure]
        self.binned = self.values.copy()
        """The same with the histograms."""
        self.functions: tuple[tuple[str, int], ...] = ()
        """For each histogram what adds it, and what that takes."""
        for each in cell.bins:
            function, values = bins.bound(each) if each else ("", ())
            self.functions += ((function, len(values)),)
            self.binned += values


def add(cursor: sqlite3.Cursor, model: type[models.Model], change: Change, ids: Sequence[str]) -> None:
    """Adds a change to the rows with these ids. Raises Gone, sqlite3.Error, or OverflowError."""
    has_bins = bool(SHAPES[model].bins)
    values = change.binned if has_bins else change.values
    statement = _statement(model, change.pattern, change.functions if has_bins else ())
    # With all ids at once SQLite makes a table of them first.
    cursor.executemany(statement, [(*values, identity) for identity in ids])
    if cursor.rowcount != len(ids):
        raise Gone


def binned(values: Sequence[int]) -> Bins:
    """Returns the histogram of values, none of which may be negative."""
    try:
        return Counter(map(_QUICK.__getitem__, values))
    except IndexError:
        return Counter(map(bin_of, values))


@lru_cache(maxsize=128)
def _statement(model: type[models.Model], pattern: Pattern, functions: tuple[tuple[str, int], ...]) -> str:
    changes = assignments(model, pattern)
    for name, (function, values) in zip(SHAPES[model].bins, functions, strict=False):
        if function:
            changes.append(f"{name} = {function}({name}{', ?' * values})")
    return f"UPDATE {model._meta.db_table} SET {', '.join(changes)} WHERE id = ?"  # noqa: S608


def assignments(model: type[models.Model], pattern: Pattern) -> list[str]:
    """Returns how counts and sums change. What is unknown changes nothing, and 0 makes an unknown sum a known one."""
    shape = SHAPES[model]
    grow = dict(zip((*shape.counts, *SUMS), pattern, strict=True))
    made = [f"{name} = {name} + ?" for name in shape.counts if grow[name]]
    for name in SUMS:
        if grow[name]:
            # The largest bigint stays the largest: SQLite's sum turns into a float there, and its cast saturates.
            made.append(f"{name} = CAST(ifnull({name}, 0) + ? AS bigint)")
        elif grow[name] is not None:
            made.append(f"{name} = ifnull({name}, 0)")
    return made
