"""Candidates of every kind of server, compiled as the configuration is, and what is sent to them."""

from __future__ import annotations

from typing import Any

import msgspec

from access.keys import KeyRecord, allowed_pattern
from providers.client_fields.rules import Asking, compiled
from providers.config import ModelConfig, ProviderConfig, TransformConfig
from providers.dialects import DIALECTS
from providers.fidelity import Notes
from providers.platforms import PLATFORMS
from providers.platforms.contract import options_of
from providers.transforms import compile_chain_of
from providers.translation import Translation
from routing.facts.content import read_content
from routing.snapshot import CandidateConfig

SERVERS: dict[str, dict[str, Any]] = {
    "chat": {"dialect": "openai_chat", "base_url": "https://api.example.com/v1"},
    "responses": {"dialect": "openai_responses", "base_url": "https://api.openai.com/v1"},
    "gemini": {"dialect": "gemini", "base_url": "https://generativelanguage.googleapis.com/v1beta"},
    "ollama": {"dialect": "ollama", "base_url": "http://127.0.0.1:11434"},
    "other": {"dialect": "anthropic", "base_url": "https://claude.example.com"},
    "anthropic": {"dialect": "anthropic", "base_url": "https://api.anthropic.com"},
    "vertex": {
        "dialect": "anthropic",
        "base_url": "https://europe-west1-aiplatform.googleapis.com",
        "platform": "vertex",
        "options": {"project": "p"},
    },
    "bedrock": {
        "dialect": "anthropic",
        "base_url": "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "platform": "bedrock",
        "options": {},
    },
}
"""A server of each kind that a client's fields are filtered for."""
LIMITS = {
    "chat": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "gemini": ("generationConfig", "maxOutputTokens"),
    "ollama": ("options", "num_predict"),
}
"""Where the limit of the answer stands, in Claude's own place for all the others."""


class Sent(msgspec.Struct):
    """What goes to the server, and the codes that were noted."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    notes: list[str]


def candidate(
    server: str,
    *listed: str,
    transforms: list[dict[str, Any]] | None = None,
    peers: frozenset[str] = frozenset(),
    priced_for: tuple[str, ...] = (),
    **model: Any,
) -> CandidateConfig:
    """A candidate at a server, whose provider's list has the names `listed`."""
    given = SERVERS[server]
    platform = given.get("platform", "")
    options = options_of(PLATFORMS.get(platform), given.get("options", {}))
    provider = ProviderConfig(7, "mine", **{**given, "options": options}, client_fields=listed)
    config = ModelConfig(1, 7, **{"name": "a-model", **model}, priced_for=frozenset(priced_for))
    verbatim = DIALECTS[provider.dialect].verbatim
    chain = compile_chain_of([msgspec.convert(entry, TransformConfig) for entry in transforms or []])
    taken = compiled(provider, config, peers, verbatim=verbatim)
    return CandidateConfig(1, provider, config, transforms=chain, client_fields=taken)


def send(
    to: CandidateConfig, request: dict[str, Any], headers: dict[str, str] | None = None, allowed: str = ""
) -> Sent:
    """What a client's request becomes; `allowed` is the allow-list of its key."""
    notes = Notes()
    key = KeyRecord(1, "k", "sk-px-1", "h", 1, "t", allowed_routes=allowed_pattern(allowed))
    body = {"model": "asked", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}], **request}
    asking = Asking(key, read_content(body).refers)
    call = to.call(body, headers or {}, asking, secret=None, session_id="", input_estimate=1, notes=notes)
    made = Translation(call, to.transforms.streams).draft()
    return Sent(made.path, dict(made.headers), msgspec.json.decode(made.body), list(notes))


def added(server: str, sent: Sent) -> dict[str, Any]:
    """The fields of a body that a small request without further fields does not have, objects compared inside."""
    return _more(sent.body, send(candidate(server), {}).body)


def _more(body: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in body.items():
        before = usual.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if more := _more(value, before):
                found[name] = more
        elif name not in usual or value != before:
            found[name] = value
    return found
