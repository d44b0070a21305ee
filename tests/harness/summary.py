"""The closing lines of `make test`: how many tests ran on which database, from pytest's JUnit files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree


def line(report: Path) -> str:
    """One line for one report, named after its database: `PostgreSQL: 120 tests, 2 failed`."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    if suite is None:
        raise ValueError(f"{report} is no report of pytest's")
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    text = f"{report.stem}: {suite.get('tests')} tests"
    return f"{text}, {failed} failed" if failed else text


def main(reports: Sequence[str]) -> None:
    """Print a line for each report."""
    print("\n".join(["", "Tests by database:", *(f"  {line(Path(report))}" for report in reports)]))


if __name__ == "__main__":
    main(sys.argv[1:])
