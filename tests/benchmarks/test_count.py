"""The application takes no more instructions than it is recorded with, give or take a twentieth."""

from __future__ import annotations

import pytest

from benchmarks.count import figures
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
