"""Adds up rows as the driver gives them: the same counts, sums and histograms as cells, as one list of figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from usage.generated import function
from usage.rollups.histogram import bin_of
from usage.rollups.measures import SUMS, Measure, of_kind

Figures = list[Any]
"""Counts, sums and histograms, in the order of the table of measures."""


class Adding(NamedTuple):
    """Functions of one kind of figures."""

    first: Callable[[Any], Figures]
    """first(row): the figures of one row."""
    more: Callable[[Figures, Any], None]
    """more(figures, row) adds one row."""
    together: Callable[[Figures, Figures], None]
    """together(figures, other) adds other figures."""


def adding(at: Mapping[str, int], counts: Sequence[Measure], bins: Sequence[Measure] = ()) -> Adding:
    """Returns the functions for rows that have each column `at` a position."""
    width = len(counts) + len(SUMS)

    def increment(count: Measure) -> str:
        if count.source:
            return f"row[{at[count.source]}]"
        return "1" if not count.unknown else " or ".join(f"row[{at[name]}] is None" for name in count.unknown)

    def binned(each: Measure) -> str:
        value = f"row[{at[each.source]}]"
        return f"{{}} if {value} is None else {{bin_of({value}): 1}}"

    first = [
        *(f"0 + ({increment(count)})" for count in counts),
        *(f"row[{at[name]}]" for name in SUMS),
        *(binned(each) for each in bins),
    ]
    more = [f"figures[{n}] += {increment(count)}" for n, count in enumerate(counts)]
    more += [_added(n, f"row[{at[name]}]") for n, name in enumerate(SUMS, len(counts))]
    for n, each in enumerate(bins, width):
        more.append(f"if (value := row[{at[each.source]}]) is not None:")
        more.append(f"    number = bin_of(value); bins = figures[{n}]; bins[number] = bins.get(number, 0) + 1")
    return Adding(
        function("row", [f"return [{', '.join(first)}]"], bin_of=bin_of),
        function("figures, row", more, bin_of=bin_of),
        together(len(counts), len(bins)),
    )


def together(counts: int, bins: int) -> Callable[[Figures, Figures], None]:
    """Returns the function that adds other figures of so many counts and histograms."""
    width = counts + len(SUMS)
    lines = [f"figures[{n}] += other[{n}]" for n in range(counts)]
    lines += [_added(n, f"other[{n}]") for n in range(counts, width)]
    for n in range(width, width + bins):
        lines.append(f"bins = figures[{n}]")
        lines.append(f"for number, times in other[{n}].items(): bins[number] = bins.get(number, 0) + times")
    return function("figures, other", lines)


def _added(n: int, value: str) -> str:
    """Adds a value to a sum; None means unknown and adds nothing."""
    return f"if (value := {value}) is not None: figures[{n}] = value if figures[{n}] is None else figures[{n}] + value"


bins_of = msgspec.json.Decoder(dict[int, int]).decode
"""bins_of(text): a histogram as the driver gives it."""
COUNTED = of_kind("count")
BINNED = of_kind("bins")
