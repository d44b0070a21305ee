"""docs/security.md names the test that holds each of its sentences: every one of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
_NAMED = re.compile(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`")


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_test_that_is_named_is_there() -> None:
    named = _NAMED.findall(PAGE)
    assert len(named) > 60
    missing = [path for path, _ in named if not (ROOT / path).exists()]
    missing += [
        f"{path}::{test}" for path, test in named if test and path not in missing and test not in _tests_in(path)
    ]
    assert missing == []


def test_every_advisory_has_its_test() -> None:
    table = PAGE.partition("## The field's advisories")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 20
    assert [row for row in rows if not _NAMED.search(row)] == []
    for advisory in ("CVE-2026-42208", "GHSA-4gph", "GHSA-724j", "CVE-2024-6587", "CVE-2026-47101"):
        assert advisory in table
