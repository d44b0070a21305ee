"""Programs that some tests need from outside. A missing one fails its tests with a sentence; nothing is skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_HOW_TO_GET = {
    "nginx": "Debian and Ubuntu: `apt install nginx-light`; macOS: `brew install nginx`.",
    "node": "Install Node.js 20 or later (https://nodejs.org/).",
    "npm": "Install Node.js 20 or later, which brings npm (https://nodejs.org/).",
    "chromium": "Debian and Ubuntu: `apt install chromium`.",
    "valgrind": "Debian and Ubuntu: `apt install valgrind`.",
    "gcc": "Debian and Ubuntu: `apt install gcc libc6-dev`.",
    "redis-server": "Debian and Ubuntu: `apt install redis-server`.",
    "git": "Debian and Ubuntu: `apt install git`.",
}


def find(program: str) -> Path:
    """The program's path; fails the test, saying which program is missing and how to get it."""
    found = shutil.which(program, path=None) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        pytest.fail(f"This test runs {program}, which is not on PATH. {_HOW_TO_GET.get(program, '')}", pytrace=False)
    return Path(found)
