"""`make compare` sets the gateway beside a real peer, and says when an answer or a usage row is wrong."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks.children import ROOT
from tests.harness import programs

pytestmark = pytest.mark.clients


def test_the_gateway_beside_nginx() -> None:
    programs.find("nginx")
    command = [sys.executable, "-m", "benchmarks.compare", "--beside", "nginx", "--rounds", "1", "--only", "W1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\| W1: [^|]+\| [\d.]+ ms \| [\d.]+ \(", done.stdout, re.MULTILINE), done.stdout
