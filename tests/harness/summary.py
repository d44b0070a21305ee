"""The closing lines of `make test`: how many tests ran on which database, from pytest's reports in JUnit's XML."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(sys.prefix) / "test-results"
"""The folder of the reports, and of what failed tests leave to look at."""
DATABASE = "database"
"""The property of a test in a report that names the database it ran on."""


def text(parts: Mapping[str, tuple[int, Path]]) -> str:
    """A line for each database, such as `PostgreSQL: 120 tests, 2 failed`, and one for each part that has no report; of
    a part it says what pytest ended with. A test that was skipped is named with its reason and counts as none."""
    ran, failures, lines = Counter[str](), Counter[str](), list[str]()
    for name, (code, report) in parts.items():
        if not report.exists():
            lines.append(f"  {name}: NO RESULT, pytest ended with {code}")
            continue
        for case in _cases(report):
            skipped = case.find("skipped")
            if skipped is not None:
                lines.append(f"  SKIPPED {case.get('name')}: {skipped.get('message')}")
                continue
            database = _database_of(case)
            ran[database] += 1
            failures[database] += _failed(case)
        if code not in (0, 1, 5):
            lines.append(f"  {name}: BROKEN OFF, pytest ended with {code}")
    counts = [f"  {database}: {ran[database]} tests" + _failures(failures[database]) for database in sorted(ran)]
    return "\n".join(["", "Tests by database:", *counts, *lines])


def failed(report: Path) -> set[str]:
    """The names of the tests of a report that failed."""
    return {_name(case) for case in _cases(report) if _failed(case)}


def flaky(again: Iterable[Path]) -> list[str]:
    """A line for each test that failed, and passed when it ran again: `again` are the reports of what did."""
    passed = {_name(case) for report in again for case in _cases(report) if _held(case)}
    return [
        f"  FLAKY {name}: it failed, and passed when it ran again with nothing beside it" for name in sorted(passed)
    ]


def verdict(word: str, parts: Mapping[str, tuple[int, Path]]) -> str:
    """One line: that all held and how many tests say so, or which did not."""
    cases = [case for _, report in parts.values() for case in _cases(report)]
    missed = {_name(case) for case in cases if not _held(case)}
    broken = [name for name, (code, _) in parts.items() if code != 0 and not (code == 1 and missed)]
    if missed or broken or not cases:
        return f"{word}: FAILED: {', '.join([*sorted(missed), *broken]) or 'nothing ran'}"
    return f"{word}: OK, {len(cases)} held"


def _cases(report: Path) -> Iterator[ElementTree.Element]:
    return ElementTree.parse(report).iter("testcase") if report.exists() else iter(())


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname')}.{case.get('name')}"


def _failed(case: ElementTree.Element) -> bool:
    return any(case.find(outcome) is not None for outcome in ("failure", "error"))


def _held(case: ElementTree.Element) -> bool:
    return all(case.find(outcome) is None for outcome in ("failure", "error", "skipped"))


def _database_of(case: ElementTree.Element) -> str:
    for given in case.iter("property"):
        if given.get("name") == DATABASE:
            return given.get("value", "")
    # It broke before it was a test, such as a module that cannot be imported.
    return "unknown"


def _failures(count: int) -> str:
    return f", {count} failed" if count else ""
