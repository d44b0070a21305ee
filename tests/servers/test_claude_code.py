"""The real Claude Code, old and new, runs turns with tools through the gateway, over every dialect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from providers.dialects import DIALECTS
from proxysite.demo import server
from tests.clients import claude_code
from tests.harness import speak
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway, free_port
from tests.harness.rows import Rows
from tests.harness.script import Reply, Script
from tests.harness.upstream import Upstream
from tests.platforms import eventstream
from tests.platforms.live import make_platform

pytestmark = pytest.mark.clients
a_dialect = pytest.mark.parametrize("dialect", DIALECTS)


class ClaudeCode:
    """Runs Claude Code with the standing key."""

    def __init__(self, home: Path, gateway: Gateway, standing: Standing) -> None:
        self._home = home
        self._gateway = gateway
        self._standing = standing

    def run(self, dialect: str, script: Script, *, version: str = claude_code.LATEST) -> claude_code.Run:
        """One run over the upstream of a dialect."""
        route = self._standing.routes[dialect].name
        prompt = f"Run echo hi with Bash and report. {script.mark}"
        return claude_code.run(version, self._home, self._gateway.base_url, self._standing.key.secret, route, prompt)


@pytest.fixture
def claude(tmp_path: Path, gateway: Gateway, standing: Standing) -> ClaudeCode:
    """Claude Code in a home directory of its own."""
    return ClaudeCode(tmp_path / "home", gateway, standing)


def _bash(word: str) -> tuple[str, ...]:
    arguments = json.dumps({"command": f"echo {word}", "description": f"Say {word}"})
    return tuple(arguments[at : at + 7] for at in range(0, len(arguments), 7))


@a_dialect
@pytest.mark.parametrize("version", claude_code.VERSIONS)
def test_thinking_text_and_parallel_bash_calls_then_their_results(
    version: str, dialect: str, claude: ClaudeCode, upstream: Upstream, orm: Rows
) -> None:
    turn = speak.reply(
        dialect,
        speak.Thinking("I shall run both."),
        speak.text("Running", " both."),
        speak.call("Bash", *_bash("hi"), id="call_bash_1"),
        speak.call("Bash", *_bash("there"), id="call_bash_2"),
    )
    script = upstream.script(turn, speak.answer(dialect, "It printed hi and there."))
    run = claude.run(dialect, script, version=version)
    result = run.succeeded()
    assert result["result"] == "It printed hi and there."
    assert [block["input"]["command"] for block in run.blocks("tool_use")] == ["echo hi", "echo there"]
    # They ran beside each other: whichever was ready first came first.
    assert sorted(block["content"] for block in run.blocks("tool_result")) == ["hi", "there"]
    assert "I shall run both." in {block["thinking"] for block in run.blocks("thinking")}
    sent = script.seen[-1].body
    results = speak.results(dialect, sent)
    assert sorted(word for word in ("hi", "there") for result in results if f'{word}"' in result) == ["hi", "there"]
    if dialect == "anthropic":
        blocks = [
            block for entry in sent["messages"] if isinstance(entry["content"], list) for block in entry["content"]
        ]
        assert {"type": "thinking", "thinking": "I shall run both.", "signature": "c2lnbmF0dXJl"} in blocks
    else:
        assert "x-anthropic-billing-header" not in json.dumps(sent)
    rows = orm.of_session(result["session_id"], len(script.seen))
    assert [(row.outcome, row.stop_reason) for row in rows][-2:] == [
        ("completed", "tool_use"),
        ("completed", "end_turn"),
    ]
    assert all(row.client.startswith(f"claude-cli/{version}") for row in rows)


@a_dialect
def test_a_busy_provider_is_asked_again(dialect: str, claude: ClaudeCode, upstream: Upstream) -> None:
    busy = speak.refusal(dialect, 529, "Busy.", headers={"retry-after": "1"})
    script = upstream.script(busy, speak.answer(dialect, "The second time."))
    assert claude.run(dialect, script).succeeded()["result"] == "The second time."


@a_dialect
def test_a_failure_inside_the_stream_is_not_taken_for_the_answer(
    dialect: str, claude: ClaudeCode, upstream: Upstream
) -> None:
    half = Reply([speak.opening(dialect, "Half"), speak.error_in_stream(dialect, "It fell over.")])
    script = upstream.script(half, speak.answer(dialect, "Whole."))
    assert claude.run(dialect, script).succeeded()["result"] == "Whole."


@a_dialect
def test_a_prompt_that_is_too_long_is_understood(dialect: str, claude: ClaudeCode, upstream: Upstream) -> None:
    run = claude.run(dialect, upstream.script(speak.overflow(dialect)))
    assert run.result["is_error"] is True
    assert "too long" in run.result["result"]


def test_a_bash_turn_in_bedrocks_frames(
    tmp_path: Path, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    turn = speak.reply("anthropic", speak.Thinking("I shall run it."), speak.call("Bash", *_bash("hi"), id="call_1"))
    replies = [
        eventstream.reply(*eventstream.chunks(*(step for step in reply.steps if isinstance(step, bytes))))
        for reply in (turn, speak.answer("anthropic", "It printed hi."))
    ]
    script = upstream.script(*replies)
    _, route = make_platform(
        gateway, script, "anthropic", f"{upstream.base_url}/aws", platform="bedrock",
        options={"region": "eu-central-1"}, secret="AKIDEXAMPLE:a-secret", model="anthropic.claude-sonnet-v1:0",
    )  # fmt: skip
    prompt = f"Run echo hi with Bash and report. {script.mark}"
    latest = claude_code.LATEST
    run = claude_code.run(latest, tmp_path / "home", gateway.base_url, standing.key.secret, route.name, prompt)
    assert run.succeeded()["result"] == "It printed hi."
    assert [block["content"] for block in run.blocks("tool_result")] == ["hi"]


def test_a_bash_turn_on_the_demo_upstream(tmp_path: Path, gateway: Gateway, standing: Standing, orm: Rows) -> None:
    demo = server.start(free_port())
    try:
        provider = make_provider("openai_chat", f"http://127.0.0.1:{demo.port}/v1", secret="", is_demo=True)
        route = make_route([make_model(provider, name="demo-fast")])
        gateway.wait_snapshot()
        prompt = "Run echo hi with Bash and report."
        run = claude_code.run(
            claude_code.LATEST, tmp_path / "home", gateway.base_url, standing.key.secret, route.name, prompt
        )
    finally:
        demo.stop()
    result = run.succeeded()
    assert [block["content"] for block in run.blocks("tool_result")] == ["hi"]
    rows = orm.of_session(result["session_id"], 2)
    assert [(row.outcome, row.stop_reason) for row in rows][-2:] == [
        ("completed", "tool_use"),
        ("completed", "end_turn"),
    ]
