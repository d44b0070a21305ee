"""Histograms of latency: every percentile is as near as the module says, and adding two loses nothing."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage.rollups import histogram
from usage.rollups.histogram import ERROR_PERCENT, LONGEST_MS, LOWEST, MIDDLES

VALUES = st.lists(st.integers(0, LONGEST_MS - 1) | st.integers(0, 50), min_size=1, max_size=60)


def _of(values: list[int]) -> histogram.Bins:
    bins: histogram.Bins = {}
    for value in values:
        histogram.add(bins, {histogram.bin_of(value): 1})
    return bins


@given(VALUES, st.floats(0.001, 1))
def test_a_percentile_is_within_the_stated_error_of_the_nearest_rank(values: list[int], fraction: float) -> None:
    exact = sorted(values)[math.ceil(fraction * len(values)) - 1]
    found = histogram.percentile(_of(values), fraction)
    assert found is not None
    assert abs(found - exact) * 100 <= ERROR_PERCENT * exact


@given(VALUES, VALUES)
def test_two_added_up_are_one_of_all_values(one: list[int], other: list[int]) -> None:
    both = _of(one)
    histogram.add(both, _of(other))
    assert both == _of(one + other)
    assert histogram.total(both) == len(one) + len(other)


def test_every_value_of_every_bin_is_within_the_error() -> None:
    for number, (low, after) in enumerate(pairwise(LOWEST)):
        for value in (low, after - 1):
            assert histogram.bin_of(value) == number
            assert abs(MIDDLES[number] - value) * 100 <= ERROR_PERCENT * value


def test_bins_grow_with_the_values_so_that_a_day_needs_few() -> None:
    wide = [after / low for low, after in pairwise(LOWEST[60:])]
    assert max(wide) == pytest.approx(min(wide), rel=0.02)
    assert len(LOWEST) < 180


def test_bins_never_move_because_stored_ones_depend_on_them() -> None:
    assert (LOWEST[:3], LOWEST[30], LOWEST[100], LOWEST[-1]) == ([0, 1, 2], 58, 63_046, 93_898_373)


def test_what_is_longer_than_a_day_or_negative_is_still_counted() -> None:
    assert histogram.bin_of(10**12) == len(LOWEST) - 1
    assert histogram.bin_of(-5) == 0
    assert histogram.percentile({histogram.bin_of(10**12): 1}, 0.5) == MIDDLES[-1]


def test_of_no_values_there_is_no_percentile() -> None:
    assert histogram.percentile({}, 0.5) is None
