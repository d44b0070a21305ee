"""Latency as counts in fixed bins, so that millions of values add up to one short map that still has all percentiles.

A bin is [lowest, highest] in integer milliseconds. One of its values, `middle`, stands for all and differs from each by
ERROR_PERCENT at most: bins grow with the values (about 1.105 times each; below 20 ms a bin is one value). A
percentile is the middle of the bin that holds the nearest-rank value, so it is within ±5 % of the exact one. From 24
hours on there is one open bin, for which that does not hold.

A histogram is sparse, {bin: count}, and is stored as a JSON object: adding two is a union, on either database.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping

ERROR_PERCENT = 5
LONGEST_MS = 24 * 60 * 60 * 1000

Bins = dict[int, int]


def _bins() -> tuple[list[int], list[int]]:
    lowest, middles = [0], [0]
    low = 1
    while low < LONGEST_MS:
        # (middle - low) / low and (high - middle) / high are both at most the error: in integers, so no rounding.
        middle = low * (100 + ERROR_PERCENT) // 100
        lowest.append(low)
        middles.append(middle)
        low = middle * 100 // (100 - ERROR_PERCENT) + 1
    return [*lowest, low], [*middles, low]


LOWEST, MIDDLES = _bins()
"""For each bin its lowest value and its middle. Stored histograms depend on them: never change them."""


def bin_of(milliseconds: int) -> int:
    """Returns the bin of a value; a negative one counts as 0."""
    return bisect_right(LOWEST, milliseconds) - 1 if milliseconds > 0 else 0


def total(bins: Mapping[int, int]) -> int:
    """Returns the number of values."""
    return sum(bins.values())


def add(to: Bins, bins: Mapping[int, int]) -> None:
    """Adds the counts of one histogram to another."""
    if not to:
        to.update(bins)
        return
    held = to.get
    for number, count in bins.items():
        to[number] = held(number, 0) + count


def percentile(bins: Mapping[int, int], fraction: float) -> int | None:
    """Returns the milliseconds at a fraction of (0, 1], by nearest rank; None if there are no values."""
    rank = math.ceil(fraction * total(bins))
    for number in sorted(bins):
        rank -= bins[number]
        if rank <= 0:
            return MIDDLES[number]
    return None
