"""Counted figures beside recorded ones: what is too much, what cannot be compared, what the file keeps."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.count import figures, limits
from benchmarks.count.figures import Build, Column, Figures

_BUILD = Build("CPython 3.11.7", "GCC 12.2.0", "x86_64", pgo=False, lto=False, shared=True)
_RECORDED = Figures(
    _BUILD, {"django": "5.2"}, {"W1": 1_000_000, "row": 400_000}, {"W1": {"loop": 2_000_000}}, {limits.REDIS: 500_000}
)


@pytest.mark.parametrize(
    "app",
    [
        {"W1": 1_000_000, "row": 400_000},
        {"W1": 1_050_000, "row": 420_000},
        {"W1": 500_000, "row": 1},
    ],
    ids=["the same", "five per cent more", "less"],
)
def test_what_is_allowed(app: Column) -> None:
    assert figures.exceeded(_RECORDED, app) == []


def test_more_than_five_per_cent_is_too_much_and_is_named() -> None:
    (found,) = figures.exceeded(_RECORDED, {"W1": 1_050_001, "row": 400_000})
    assert found == "W1: 1,050,001 instructions, +5.0% against the recorded 1,000,000"
    assert len(figures.exceeded(_RECORDED, {"W1": 1_100_000, "row": 500_000})) == 2


def test_a_figure_on_one_side_only_is_not_passed_over() -> None:
    found = figures.exceeded(_RECORDED, {"W1": 1_000_000, "W9": 1})
    assert found == ["W9: not recorded", "row: no longer counted"]


@pytest.mark.parametrize(
    "other",
    [
        {"python": "CPython 3.13.0"},
        {"compiler": "Clang 19.1.0"},
        {"machine": "aarch64"},
        {"pgo": True},
        {"lto": True},
        {"shared": False},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_build_is_not_compared_and_both_are_named(other: dict[str, object]) -> None:
    build = msgspec.structs.replace(_BUILD, **other)
    reason = figures.not_comparable(_RECORDED, build)
    assert reason == f"instructions were recorded on {_BUILD}; this is {build}"
    assert str(build) != str(_BUILD)


def test_the_recorded_build_is_compared() -> None:
    assert figures.not_comparable(_RECORDED, msgspec.structs.replace(_BUILD)) is None


def test_the_file_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    figures.write(_RECORDED, path)
    assert figures.read(path) == _RECORDED


def test_the_recorded_file_is_one_that_can_be_read() -> None:
    recorded = figures.read()
    assert recorded.app.keys() >= {"usage row alone", "usage row in a batch of 50"}
    assert set(recorded.whole) >= {"W1", "W2"}
    assert all(count > 0 for count in recorded.app.values())


def test_limits_have_bars_of_their_own_and_redis_has_none() -> None:
    counted = {**limits.MOST, limits.REDIS: 10**9}
    assert limits.exceeded(counted) == []
    assert limits.exceeded({**counted, limits.WITH_SIX: 50_001}) == [
        f"{limits.WITH_SIX}: 50,001 instructions, of 50,000"
    ]


def test_tls_to_the_upstream_has_a_bar() -> None:
    whole = {"W2": {"event loop": 1_000_000}, figures.OVER_TLS: {"event loop": 1_300_000}}
    assert figures.exceeded_by_tls({}) == figures.exceeded_by_tls(whole) == []
    whole[figures.OVER_TLS] = {"event loop": 1_310_000}
    assert figures.exceeded_by_tls(whole) == ["W2 over TLS: 1,310,000 instructions, 1.31 times W2"]


def test_this_build_is_described() -> None:
    build = figures.this_build()
    assert build.python.startswith("CPython 3.")
    assert figures.packages().keys() >= {"django", "msgspec"}
