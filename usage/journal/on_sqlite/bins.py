"""The sum of two histograms as they are stored, by changing the text of one: SQLite's own JSON takes both apart."""

from __future__ import annotations

import sqlite3

import msgspec

from usage.rollups import histogram
from usage.rollups.histogram import LOWEST, Bins

ONE, MORE = "usage_bin_added", "usage_bins_added"
"""The names in SQL of `one_added` and `added`."""
MARKS = tuple(f'"{number}":' for number in range(len(LOWEST)))
"""What each bin begins with where histograms are stored."""
_read = msgspec.json.Decoder(dict[int, int]).decode


def bound(bins: Bins) -> tuple[str, tuple[str | int, ...]]:
    """Returns the function that adds a histogram, and what it takes after the stored one."""
    if len(bins) == 1:
        ((number, count),) = bins.items()
        return ONE, (MARKS[number], count)
    return MORE, (msgspec.json.encode(bins).decode(),)


def one_added(stored: str, mark: str, count: int) -> str:
    """Returns a stored histogram with more in the bin that begins with a mark."""
    before, found, after = stored.partition(mark)
    if not found:
        return f"{{{mark}{count},{stored[1:]}" if len(stored) > 2 else f"{{{mark}{count}}}"
    number, comma, rest = after.partition(",")
    if comma:
        return f"{before}{mark}{int(number) + count},{rest}"
    return f"{before}{mark}{int(number[:-1]) + count}}}"


def added(stored: str, more: str) -> str:
    """Returns the sum of two stored histograms."""
    bins = _read(stored)
    histogram.add(bins, _read(more))
    return msgspec.json.encode(bins).decode()


def teach(connection: sqlite3.Connection) -> None:
    """Gives SQL both functions."""
    connection.create_function(ONE, 3, one_added, deterministic=True)
    connection.create_function(MORE, 2, added, deterministic=True)
