"""The real Claude Code as a person runs it in a script: `claude -p`, in an environment that knows only the gateway."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients import npm
from tests.harness import programs
from tests.harness.patience import PATIENCE

VERSIONS = {"2.1.332": "@anthropic-ai/claude-code", "2.1.197": "claude-code-2.1.197"}
LATEST = "2.1.332"


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

    @property
    def waits(self) -> list[tuple[int, int, int]]:
        """Of each wait for another try: its number, the most that it makes, and the status that it waits after."""
        waits = [line for line in self.lines if line.get("subtype") == "api_retry"]
        return [(line["attempt"], line["max_retries"], line["error_status"]) for line in waits]

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What it makes of the headers of answers that show a budget."""
        return [line["rate_limit_info"] for line in self.lines if line["type"] == "rate_limit_event"]

    def blocks(self, kind: str) -> list[dict[str, Any]]:
        """The blocks of one type in all messages of both sides."""
        messages = [line["message"] for line in self.lines if line["type"] in {"user", "assistant"}]
        contents = [message["content"] for message in messages if isinstance(message["content"], list)]
        return [block for content in contents for block in content if block["type"] == kind]


def run(
    version: str,
    home: Path,
    base_url: str,
    key: str,
    model: str,
    prompt: str,
    *,
    key_helper: str = "",
    gateway_mode: bool = False,
    most_retries: int | None = None,
) -> Run:
    """One `claude -p` that may run `echo`, with `home` as an empty home directory.

    With `key_helper`, a shell script, it asks that for its keys instead; with `most_retries` it gives up sooner.
    """
    home.mkdir()
    environment = _environment(home, base_url, key, model, gateway_mode=gateway_mode)
    if most_retries is not None:
        environment["CLAUDE_CODE_MAX_RETRIES"] = str(most_retries)
    asked = ["-p", prompt, "--allowedTools", "Bash(echo:*)", "--output-format", "stream-json", "--verbose"]
    if key_helper:
        helper = home / "key_helper.sh"
        helper.write_text(f"#!/bin/sh\n{key_helper}\n")
        helper.chmod(0o700)
        del environment["ANTHROPIC_API_KEY"]
        asked += ["--settings", json.dumps({"apiKeyHelper": str(helper)})]
    command: list[str | Path] = [npm.claude_code(VERSIONS[version]), *asked]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=4 * PATIENCE)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Run(done.returncode, lines, done.stderr)


@contextmanager
def terminal(version: str, home: Path, base_url: str, key: str, model: str) -> Iterator[None]:
    """Claude Code in gateway mode at a terminal of its own, where it waits for a first message.

    Whatever it asks for elsewhere goes to a port where nobody listens.
    """
    home.mkdir()
    known = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {str(home): {"hasTrustDialogAccepted": True}}}
    (home / ".claude.json").write_text(json.dumps(known))
    environment = _environment(home, base_url, key, model, gateway_mode=True)
    del environment["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    command = [npm.claude_code(VERSIONS[version])]
    process = subprocess.Popen(command, env=environment, cwd=home, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)
        os.close(ours)


def _environment(home: Path, base_url: str, key: str, model: str, *, gateway_mode: bool) -> dict[str, str]:
    credential = {"ANTHROPIC_AUTH_TOKEN": key, "CLAUDE_CODE_USE_GATEWAY": "1"}
    return {
        "PATH": f"{programs.find('npm').parent}:/usr/bin:/bin",
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "NO_PROXY": "127.0.0.1",
        **(credential if gateway_mode else {"ANTHROPIC_API_KEY": key}),
    }
