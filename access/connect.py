"""The shell lines that a caller pastes to use the gateway."""

from __future__ import annotations

import json
import shlex

import msgspec
from django.conf import settings
from django.http import HttpRequest


class PasteLine(msgspec.Struct, frozen=True):
    """One line for a shell, its purpose, and what to know of it. It may hold a key, so its repr does not show it."""

    label: str
    text: str
    note: str = ""

    def __repr__(self) -> str:
        return f"PasteLine({self.label!r})"


GATEWAY_MODE = PasteLine(
    "To see your budget inside Claude Code, run this first",
    "export CLAUDE_CODE_USE_GATEWAY=1",
    "Claude Code then shows a notice when most of a budget is used, /usage shows it in dollars, and a refusal says "
    "only what this gateway says. In exchange it uses fewer of Claude's beta features, an older default model where "
    "ANTHROPIC_MODEL is not set, no cache of an hour and no WebSearch, and it sends one small request at each start.",
)
"""The line that not everybody wants."""


def base_url(request: HttpRequest) -> str:
    """Returns where callers reach the gateway: PUBLIC_URL, or else the address of this page."""
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")


def paste_lines(base_url: str, key: str, model: str) -> tuple[PasteLine, PasteLine, PasteLine]:
    """Returns the lines for the address, the key and a streaming call. `base_url` is scheme and host of the gateway,
    `model` a route."""
    base_url = base_url.rstrip("/")
    body = {
        "model": model,
        "max_tokens": 256,
        "stream": True,
        "messages": [{"role": "user", "content": "What is 2+2?"}],
    }
    return (
        PasteLine("Address of the gateway", f"export ANTHROPIC_BASE_URL={shlex.quote(base_url)}"),
        PasteLine("The client key", f"export ANTHROPIC_AUTH_TOKEN={shlex.quote(key)}"),
        PasteLine(
            "Try it now",
            f"curl -N {shlex.quote(base_url + '/v1/messages')} -H {shlex.quote('x-api-key: ' + key)} "
            f"-H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' "
            f"-d {shlex.quote(json.dumps(body, separators=(',', ':')))}",
        ),
    )


def report_lines(base_url: str, token: str) -> tuple[PasteLine, PasteLine]:
    """Returns a new report token, and the line that asks the report API with it."""
    url = f"{base_url.rstrip('/')}/api/report/v1/usage?range=month&metric=cost&group=team&bucket=total"
    return (
        PasteLine("The report token", token),
        PasteLine("Try it now", f"curl {shlex.quote(url)} -H {shlex.quote('Authorization: Bearer ' + token)}"),
    )


class Setup(msgspec.Struct, frozen=True):
    """What one client needs to use the gateway, as lines to paste."""

    client: str
    lines: tuple[PasteLine, ...]


def setups(base_url: str, key: str, model: str) -> tuple[Setup, ...]:
    """Returns the lines for Claude Code, the SDKs and curl, as `paste_lines` does."""
    base_url = base_url.rstrip("/")
    address, token, call = paste_lines(base_url, key, model)
    variables = {"ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_AUTH_TOKEN": key, "ANTHROPIC_MODEL": model}
    exports = "\n".join([address.text, token.text, f"export ANTHROPIC_MODEL={shlex.quote(model)}", "claude"])
    settings_file = json.dumps({"env": variables}, indent=2)
    return (
        Setup(
            "Claude Code",
            (
                PasteLine("In a shell", exports),
                PasteLine("Or for good, in ~/.claude/settings.json", settings_file),
                GATEWAY_MODE,
            ),
        ),
        Setup("Python", (PasteLine("pip install anthropic", _PYTHON % _literals(base_url, key, model)),)),
        Setup(
            "TypeScript", (PasteLine("npm install @anthropic-ai/sdk", _TYPESCRIPT % _literals(base_url, key, model)),)
        ),
        Setup("curl", (PasteLine("In a shell", call.text),)),
    )


def _literals(*texts: str) -> tuple[str, ...]:
    # JSON's strings are literals in Python and TypeScript alike.
    return tuple(json.dumps(text) for text in texts)


_PYTHON = """\
# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url=%s, auth_token=%s)
with client.messages.stream(
    model=%s,
    max_tokens=256,
    messages=[{"role": "user", "content": "What is 2+2?"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)"""
_TYPESCRIPT = """\
// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: %s, authToken: %s });
const stream = client.messages.stream({
  model: %s,
  max_tokens: 256,
  messages: [{ role: "user", content: "What is 2+2?" }],
});
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();"""
