"""The benchmark of pages makes its rows once, and measures pages that are there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.gateway import ROOT

pytestmark = pytest.mark.database


def _run(folder: Path, only: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.pages", "--rows", "1000", "--runs", "2", "--only", only]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    return subprocess.run(
        [*command, "--folder", str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_pages_are_measured_over_rows_that_are_made_once(tmp_path: Path) -> None:
    first = _run(tmp_path, "")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1,000 requests in" in first.stderr
    lines = [line for line in first.stdout.splitlines() if line.startswith("|")][2:]
    titles = {line.split("|")[1].strip() for line in lines}
    assert {"home", "explorer: cost by model, 30 days", "requests, 24 hours", "a request", "a session"} <= titles
    assert all("| 1,000 |" in line and "WRONG" not in line for line in lines)
    again = _run(tmp_path, "home")
    assert "requests in" not in again.stderr
    assert [line.split("|")[1].strip() for line in again.stdout.splitlines()[2:]] == ["home", "home, 30 days"]
