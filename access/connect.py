"""The shell lines that a caller pastes to use the gateway."""

from __future__ import annotations

import json
import shlex

import msgspec
from django.conf import settings
from django.http import HttpRequest


class PasteLine(msgspec.Struct, frozen=True):
    """One line for a shell and its purpose. It may hold a key, so its repr does not show it."""

    label: str
    text: str

    def __repr__(self) -> str:
        return f"PasteLine({self.label!r})"


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
