"""The closing lines of `make test`: how many tests ran on which database, from pytest's reports in JUnit's XML."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(sys.prefix) / "test-results"
"""The folder of the reports, and of what failed tests leave to look at."""
DATABASE = "database"
"""The property of a test in a report that names the database it ran on."""


def text(parts: Mapping[str, tuple[int, Path]]) -> str:
    """A line for each database, such as `PostgreSQL: 120 tests, 2 failed`, and one for each part that has no report; of
    a part it says what pytest ended with. A test that was skipped is named with its reason and counts as none."""
    ran, failed, lines = Counter[str](), Counter[str](), list[str]()
    for name, (code, report) in parts.items():
        if not report.exists():
            lines.append(f"  {name}: NO RESULT, pytest ended with {code}")
            continue
        for case in ElementTree.parse(report).iter("testcase"):
            skipped = case.find("skipped")
            if skipped is not None:
                lines.append(f"  SKIPPED {case.get('name')}: {skipped.get('message')}")
                continue
            database = _database_of(case)
            ran[database] += 1
            failed[database] += any(case.find(outcome) is not None for outcome in ("failure", "error"))
        if code not in (0, 1, 5):
            lines.append(f"  {name}: BROKEN OFF, pytest ended with {code}")
    counts = [f"  {database}: {ran[database]} tests" + _failures(failed[database]) for database in sorted(ran)]
    return "\n".join(["", "Tests by database:", *counts, *lines])


def verdict(word: str, parts: Mapping[str, tuple[int, Path]]) -> str:
    """One line: that all held and how many tests say so, or which did not."""
    cases = [
        case for _, report in parts.values() if report.exists() for case in ElementTree.parse(report).iter("testcase")
    ]
    failed = {f"{case.get('classname')}.{case.get('name')}" for case in cases if not _held(case)}
    broken = [name for name, (code, _) in parts.items() if code != 0 and not (code == 1 and failed)]
    if failed or broken or not cases:
        return f"{word}: FAILED: {', '.join([*sorted(failed), *broken]) or 'nothing ran'}"
    return f"{word}: OK, {len(cases)} held"


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
