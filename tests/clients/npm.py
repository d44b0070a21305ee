"""Clients that come from npm (package.json beside this), installed on first use; a missing npm fails the test.

What is installed is what package-lock.json has the hash of. After a change of package.json:
`npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.harness import programs
from tests.harness.patience import PATIENCE

CLIENTS = Path(__file__).parent
_MODULES = CLIENTS / "node_modules"
_STAMP = _MODULES / ".installed"


def install() -> None:
    """Install the clients unless what package-lock.json names stands there already."""
    wanted = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    done = subprocess.run(
        [programs.find("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=CLIENTS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"npm could not install the clients:\n{done.stderr}"
    _STAMP.write_text(wanted)


def claude_code(package: str) -> Path:
    """The program of one version of Claude Code, by its name in package.json."""
    install()
    folder = _MODULES / package
    for modules in (folder / "node_modules", _MODULES):
        binary = modules / "@anthropic-ai" / "claude-code-linux-x64" / "claude"
        if binary.exists() and _version(binary.parent) == _version(folder):
            return binary
    return folder / "bin" / "claude.exe"


def run_script(name: str, **environment: str) -> Any:
    """Run one of the scripts of tests/clients in node; the JSON that it tells."""
    install()
    node = programs.find("node")
    done = subprocess.run(
        [node, CLIENTS / f"{name}.mjs"],
        env={"PATH": str(node.parent), "NO_PROXY": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def _version(folder: Path) -> str:
    return str(json.loads((folder / "package.json").read_text())["version"])
