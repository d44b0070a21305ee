"""Of a run of tests, those few that failed run again by themselves, and are named if they pass then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import __main__ as suites
from tests.harness import summary

_TESTS = """
import pathlib
import pytest

NOTES = pathlib.Path(__file__).with_name("notes")


@pytest.mark.parametrize("number", range({fail}))
def test_that_loses_a_race(number):
    with NOTES.open("a") as notes:
        notes.write("failed\\n")
    assert {again} and NOTES.read_text().count("failed") > {fail}


def test_that_holds():
    with NOTES.open("a") as notes:
        notes.write("held\\n")
"""


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, *, fail: int = 1, again: bool = True) -> tuple[int, list[str]]:
    (folder / "test_some.py").write_text(_TESTS.format(fail=fail, again=again))
    # Folders that hold no configuration of pytest: neither Django nor a database is started.
    monkeypatch.setattr(suites, "RESULTS", folder / "results")
    part = suites.Part("some", "sqlite", "not slow", folder=str(folder))
    run = suites.Run([part], [], 2, again=True)
    asyncio.run(run.work())
    return run.codes[part], summary.flaky([part.again])


def test_one_that_passes_then_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = _run(tmp_path, monkeypatch)
    assert code == 0
    (line,) = lines
    assert line.startswith("  FLAKY ")
    assert "test_that_loses_a_race[0]" in line
    # What held the first time did not run again.
    assert (tmp_path / "notes").read_text().split().count("held") == 1


def test_one_that_fails_again_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(tmp_path, monkeypatch, again=False) == (suites.FAILED, [])
    assert (tmp_path / "notes").read_text().split().count("failed") == 2


def test_many_failures_are_no_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(tmp_path, monkeypatch, fail=suites.MOST_AGAIN + 1) == (suites.FAILED, [])
    assert (tmp_path / "notes").read_text().split().count("failed") == suites.MOST_AGAIN + 1
