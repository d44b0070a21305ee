"""The real Claude Code runs a Bash tool turn through the gateway, over both dialects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proxysite.demo import child
from tests.harness import programs, speak
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import ROOT, Gateway, free_port
from tests.harness.rows import Rows
from tests.harness.script import Reply, Script
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients

CLIENTS = ROOT / "tests" / "clients"
VERSION = "2.1.330"


@pytest.fixture(scope="session")
def claude_code() -> Path:
    """Claude Code's program, installed with npm on first use."""
    binary = CLIENTS / "node_modules" / "@anthropic-ai" / "claude-code-linux-x64" / "claude"
    installed = CLIENTS / "node_modules" / "@anthropic-ai" / "claude-code" / "package.json"
    if not installed.exists() or json.loads(installed.read_text())["version"] != VERSION:
        npm = programs.find("npm")
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"],
            cwd=CLIENTS,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"npm could not install Claude Code {VERSION}:\n{done.stderr}"
    return binary if binary.exists() else CLIENTS / "node_modules" / ".bin" / "claude"


def _run(program: Path, home: Path, gateway: Gateway, key: str, model: str, prompt: str) -> list[dict[str, Any]]:
    """One `claude -p` in an emptied environment that knows only the gateway; its stream-json lines."""
    home.mkdir()
    environment = {
        "PATH": f"{programs.find('npm').parent}:/usr/bin:/bin",
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": gateway.base_url,
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command: list[str | Path] = [
        program,
        "-p",
        prompt,
        "--allowedTools",
        "Bash(echo:*)",
        "--output-format",
        "stream-json",
        "--verbose",
    ]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _bash_turn(dialect: str) -> list[Reply]:
    arguments = json.dumps({"command": "echo hi", "description": "Say hi"})
    if dialect == "openai_chat":
        call = [
            speak.chat_thinking("I shall run it."),
            speak.chat_text("Running it."),
            speak.chat_tool(0, "", id="call_bash_1", name="Bash"),
            *(speak.chat_tool(0, arguments[n : n + 7]) for n in range(0, len(arguments), 7)),
            speak.chat_end("tool_calls"),
        ]
    else:
        call = [
            speak.claude_start(),
            speak.claude_thinking(0, "I shall run it.", "c2lnbmF0dXJl"),
            speak.claude_text(1, "Running it."),
            speak.claude_tool(2, "toolu_bash_1", "Bash", arguments[:9], arguments[9:]),
            speak.claude_end("tool_use"),
        ]
    return [Reply(call), speak.answer(dialect, "It printed hi.")]


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_claude_code_runs_a_bash_tool_turn(
    dialect: str, claude_code: Path, tmp_path: Path, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(*_bash_turn(dialect))
    route = standing.routes[dialect].name
    prompt = f"Run echo hi with Bash and report. {script.mark}"
    lines = _run(claude_code, tmp_path / "home", gateway, standing.key.secret, route, prompt)
    result = lines[-1]
    assert (result["type"], result["subtype"], result["is_error"]) == ("result", "success", False)
    assert result["result"] == "It printed hi."
    assert any(
        block.get("type") == "tool_result" and "hi" in json.dumps(block["content"])
        for line in lines
        if line["type"] == "user"
        for block in line["message"]["content"]
    )
    _check_what_the_provider_saw(script, dialect)
    rows = orm.of_session(result["session_id"], len(script.seen))
    assert [(row.outcome, row.stop_reason) for row in rows][-2:] == [
        ("completed", "tool_use"),
        ("completed", "end_turn"),
    ]
    assert all(row.client.startswith(f"claude-cli/{VERSION}") for row in rows)


def test_claude_code_runs_a_bash_tool_turn_on_the_demo_upstream(
    claude_code: Path, tmp_path: Path, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    demo = child.start(free_port())
    try:
        provider = make_provider("openai_chat", f"http://127.0.0.1:{demo.port}/v1", secret="", is_demo=True)
        route = make_route([make_model(provider, name="demo-fast")])
        gateway.wait_snapshot()
        prompt = "Run echo hi with Bash and report."
        lines = _run(claude_code, tmp_path / "home", gateway, standing.key.secret, route.name, prompt)
    finally:
        demo.stop()
    assert (lines[-1]["subtype"], lines[-1]["is_error"]) == ("success", False)
    results = [
        block["content"]
        for line in lines
        if line["type"] == "user"
        for block in line["message"]["content"]
        if block.get("type") == "tool_result"
    ]
    assert results == ["hi"]
    rows = orm.of_session(lines[-1]["session_id"], 2)
    assert [(row.outcome, row.stop_reason) for row in rows][-2:] == [
        ("completed", "tool_use"),
        ("completed", "end_turn"),
    ]


def _check_what_the_provider_saw(script: Script, dialect: str) -> None:
    """The second request carries the tool's result, in the provider's own words."""
    sent = script.seen[-1].body["messages"]
    if dialect == "openai_chat":
        (result,) = [entry for entry in sent if entry["role"] == "tool"]
        assert "hi" in json.dumps(result["content"])
        assert "x-anthropic-billing-header" not in json.dumps(sent)
    else:
        blocks = [block for entry in sent if isinstance(entry["content"], list) for block in entry["content"]]
        (result,) = [block for block in blocks if block["type"] == "tool_result"]
        assert result["tool_use_id"] == "toolu_bash_1"
        assert {"type": "thinking", "thinking": "I shall run it.", "signature": "c2lnbmF0dXJl"} in blocks
