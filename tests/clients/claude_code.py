"""The real Claude Code as a person runs it in a script: `claude -p`, in an environment that knows only the gateway."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients import npm
from tests.harness import programs
from tests.harness.patience import PATIENCE

VERSIONS = {"2.1.330": "@anthropic-ai/claude-code", "2.1.197": "claude-code-2.1.197"}
LATEST = "2.1.330"


@dataclass(frozen=True)
class Run:
    """What one run printed: the lines of stream-json."""

    status: int
    lines: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The last line, with what the person reads."""
        assert self.lines, self.stderr
        assert self.lines[-1]["type"] == "result", self.lines[-1]
        return self.lines[-1]

    def succeeded(self) -> dict[str, Any]:
        """The result of a run without an error."""
        assert self.status == 0, (self.lines[-2:], self.stderr[-2000:])
        assert (self.result["subtype"], self.result["is_error"]) == ("success", False)
        return self.result

    def blocks(self, kind: str) -> list[dict[str, Any]]:
        """The blocks of one type in all messages of both sides."""
        messages = [line["message"] for line in self.lines if line["type"] in {"user", "assistant"}]
        contents = [message["content"] for message in messages if isinstance(message["content"], list)]
        return [block for content in contents for block in content if block["type"] == kind]


def run(version: str, home: Path, base_url: str, key: str, model: str, prompt: str) -> Run:
    """One `claude -p` that may run `echo`, with `home` as an empty home directory."""
    home.mkdir()
    environment = {
        "PATH": f"{programs.find('npm').parent}:/usr/bin:/bin",
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "NO_PROXY": "127.0.0.1",
    }
    asked = ["-p", prompt, "--allowedTools", "Bash(echo:*)", "--output-format", "stream-json", "--verbose"]
    command: list[str | Path] = [npm.claude_code(VERSIONS[version]), *asked]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=4 * PATIENCE)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Run(done.returncode, lines, done.stderr)
