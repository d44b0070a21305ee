"""Three requests of one conversation, in the shape of Claude Code's: each one goes on where the one before ended."""

from __future__ import annotations

from typing import Any

from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, assistant, result, text, use, user

SESSION = "5f0c1f6e-1111-4222-8333-444455556666"
ENVIRONMENT = "# Environment\nYou work in /home/dev/project on Linux.\n" + "- a fact of it\n" * 50
REMINDER = "<system-reminder>\nThe project's conventions are in CONTRIBUTING.md.\n</system-reminder>\n"


def tool(name: str, **fields: Any) -> Json:
    """A tool of Claude Code's kind."""
    properties = {"command": {"type": "string", "description": "what to run"}, "timeout": {"type": "number"}}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties}
    return {"name": name, "description": f"{name} does its work.", "input_schema": {**schema, "required": []}, **fields}


def request(build: str, *messages: Json) -> Json:
    """A request of Claude Code 2.1.330 with these messages; `build` is what changes in its billing header."""
    system = [
        text(BILLING_TEXT.replace("abc", build)),
        text("You are a coding agent for the command line.", **MARK),
        text("\nHelp the user with the project.", **MARK),
    ]
    return {
        "model": "claude-opus-5-5",
        "messages": list(messages),
        "system": system,
        "tools": [tool("Bash"), tool("ToolSearch"), tool("DeferredToolPlaceholder", defer_loading=True), tool("Write")],
        "metadata": {"user_id": f'{{"device_id":"{"0" * 64}","account_uuid":"","session_id":"{SESSION}"}}'},
        "max_tokens": 128000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
    }


ASKED = user(text(REMINDER), text("Run the tests and say what fails."))
# The same words: blocks with a cache mark in the first turn, a plain string in all later ones.
FIRST = request(
    "d01", ASKED, {"role": "system", "content": [text(ENVIRONMENT, **MARK)], "output_config": {"effort": "medium"}}
)
THEN: Json = {"role": "system", "content": ENVIRONMENT, "output_config": {"effort": "medium"}}
CALLED = assistant(
    {"type": "thinking", "thinking": "Both at once.", "signature": "c2ln"},
    text("I run two."),
    use("toolu_01A", "Bash", timeout=5, command="make test", description="Run"),
    use("toolu_01B", "Bash", command="git status"),
)
SECOND = request(
    "e02",
    ASKED,
    THEN,
    CALLED,
    user(result("toolu_01B", "clean", is_error=False), result("toolu_01A", "1 failed", **MARK)),
)
THIRD = request(
    "f03",
    ASKED,
    THEN,
    CALLED,
    user(result("toolu_01B", "clean", is_error=False), result("toolu_01A", [text("1 failed")])),
    assistant(text("One test fails.")),
    user(text("Fix it.", **MARK)),
)
