"""Adds to rows of rollups that are there: an UPDATE of what changes, instead of an upsert of every column."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from django.db import models

from usage.journal.on_sqlite import bins
from usage.rollups.cells import LARGEST, Cell
from usage.rollups.histogram import LOWEST, Bins, bin_of
from usage.rollups.measures import SUMS
from usage.rollups.models import SessionSummary
from usage.rollups.shapes import SHAPES

Functions = tuple[tuple[str, int], ...]
"""For each histogram what adds it, and how many values that takes."""
_QUICK = b"".join(bytes([number]) * (end - low) for number, (low, end) in enumerate(pairwise(LOWEST)) if low < 2**16)[
    : 2**16
]
"""The bins of a minute: to look for one takes five times as long."""

_SAME_NAMES = "team_name = ? AND key_name = ? AND owner_name = ? AND coalesce(owner_id, -1) = ?"


class Gone(Exception):
    """A row that was known is no longer there."""


class Statements(dict[type[models.Model], str]):
    """Of each model the UPDATE of one row: it takes the figures that grow, what the functions take, and the row's id.

    `grow` says for each count and sum whether it grows, None where it is unknown.
    """

    def __init__(self, grow: tuple[bool | None, ...], functions: Functions) -> None:
        super().__init__()
        self._grow = grow
        self._functions = functions

    def __missing__(self, model: type[models.Model]) -> str:
        changes = self._figures(model)
        for name, (function, values) in zip(SHAPES[model].bins, self._functions, strict=False):
            if function:
                changes.append(f"{name} = {function}({name}{', ?' * values})")
        where = "id = ?"
        if model is SessionSummary:
            changes += ["last_seen = ?", "errors = errors + ?"]
            where += f" AND last_seen <= ? AND first_seen <= ? AND {_SAME_NAMES}"
        made = self[model] = f"UPDATE {model._meta.db_table} SET {', '.join(changes)} WHERE {where}"  # noqa: S608
        return made

    def _figures(self, model: type[models.Model]) -> list[str]:
        """Returns how counts and sums change. What is unknown changes nothing, 0 makes an unknown sum a known one."""
        shape = SHAPES[model]
        grow = dict(zip((*shape.counts, *SUMS), self._grow, strict=True))
        made = [f"{name} = {name} + ?" for name in shape.counts if grow[name]]
        for name in SUMS:
            if grow[name]:
                # The largest bigint stays the largest: SQLite's sum turns into a float there, and its cast saturates.
                made.append(f"{name} = CAST(ifnull({name}, 0) + ? AS bigint)")
            elif grow[name] is not None:
                made.append(f"{name} = ifnull({name}, 0)")
        return made


def statements_of(figures: Iterable[int | None], functions: Functions = ()) -> Statements:
    """Returns the statements that add counts and sums, and histograms by these functions."""
    return _statements(tuple([figure if figure is None else figure != 0 for figure in figures]), functions)


_statements = lru_cache(maxsize=128)(Statements)


class Change:
    """What is added to rows."""

    __slots__ = ("binned", "statements", "values")

    def __init__(self, statements: Statements, values: tuple[Any, ...], of_bins: Iterable[Any] = ()) -> None:
        self.statements = statements
        self.values = values
        """The counts and sums that grow."""
        self.binned = (*values, *of_bins)
        """The same, and what the functions of the histograms take."""


def change_of(cell: Cell) -> Change:
    """Returns what a cell adds."""
    figures = cell.counts + cell.sums
    functions: list[tuple[str, int]] = []
    of_bins: list[Any] = []
    for each in cell.bins:
        function, taken = bins.bound(each) if each else ("", ())
        functions.append((function, len(taken)))
        of_bins += taken
    values = tuple([figure if figure <= LARGEST else LARGEST for figure in figures if figure])
    return Change(statements_of(figures, tuple(functions)), values, of_bins)


def add(cursor: sqlite3.Cursor, model: type[models.Model], change: Change, ids: Sequence[str]) -> None:
    """Adds a change to the rows with these ids. Raises Gone, sqlite3.Error, or OverflowError."""
    values = change.binned if SHAPES[model].bins else change.values
    # With all ids at once SQLite makes a table of them first.
    cursor.executemany(change.statements[model], [(*values, identity) for identity in ids])
    if cursor.rowcount != len(ids):
        raise Gone


def binned(values: Sequence[int]) -> Bins:
    """Returns the histogram of values, none of which may be negative."""
    try:
        return Counter(map(_QUICK.__getitem__, values))
    except IndexError:
        return Counter(map(bin_of, values))
