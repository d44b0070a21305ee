"""The application takes no more instructions than it is recorded with, give or take a twentieth.

A wrong key takes few.
"""

from __future__ import annotations

import pytest

from benchmarks.count import figures, limits, live, wrong_keys
from benchmarks.count.columns import count_app
from tests.harness import programs


@pytest.mark.count
def test_nothing_takes_more_instructions_than_recorded() -> None:
    recorded = figures.read()
    reason = figures.not_comparable(recorded, figures.this_build())
    if reason is not None:
        pytest.skip(f"NOT COMPARED: {reason}. `make count RECORD=1` records them on this one.")
    programs.find("valgrind")
    programs.find("gcc")
    exceeded = figures.exceeded(recorded, count_app())
    assert not exceeded, "\n".join(
        [*exceeded, f"recorded with {recorded.packages}, now {figures.packages()}", "See docs/benchmarks.md."]
    )


@pytest.mark.count
def test_a_wrong_form_of_key_costs_next_to_nothing() -> None:
    programs.find("valgrind")
    programs.find("gcc")
    counted = wrong_keys.count()
    found = {name: counted[name] for name in wrong_keys.WRONG}
    assert all(0 < instructions < 5_000 for instructions in found.values()), found


@pytest.mark.count
def test_limits_in_memory_cost_little() -> None:
    programs.find("valgrind")
    programs.find("gcc")
    programs.find("redis-server")
    counted = limits.count()
    assert not limits.exceeded(counted), counted
    # A store that was not asked would cost nothing.
    assert all(instructions > 0 for instructions in counted.values()), counted
    assert counted[limits.REDIS] > counted[limits.CHARGE], counted


@pytest.mark.count
def test_a_hundred_browsers_cost_a_twentieth_of_a_chunk() -> None:
    """Those who look at the live view, inline, beside 60 streams of 50 chunks a second each."""
    programs.find("valgrind")
    programs.find("gcc")
    chunk = figures.chunk_alone(figures.read())
    counted = live.count()
    assert all(counted[part] > 0 for part in live.PARTS), counted
    assert live.share(counted, chunk) <= live.MOST_SHARE, counted
