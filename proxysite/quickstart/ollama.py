"""Ollama for quickstart: an address in place of a key, and whatever models it has pulled, asked for once at the start.

It does not wait for one that is not running: the next start asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from providers.model_list import ListedModel
from providers.outbound.guard import FetchFailed, fetch
from providers.outbound.model_lists import NoModelList, read_list
from proxysite.quickstart.presets import ProviderPreset, local_preset

NAME = "ollama"
VARIABLE = "OLLAMA_BASE_URL"
_PATIENCE = 2.0
_MOST_BYTES = 4 * 1024 * 1024
_NO_CHAT = ("embed", "bge-", "minilm")
"""In the names of models that only make vectors."""


class Found:
    """What the environment and the server say: a preset, or a sentence on why there is none, or neither."""

    __slots__ = ("preset", "why_not")

    def __init__(self, preset: ProviderPreset | None = None, why_not: str = "") -> None:
        self.preset = preset
        self.why_not = why_not


def find(environ: Mapping[str, str]) -> Found:
    """Ask the server at OLLAMA_BASE_URL for its models (https://docs.ollama.com/api/tags)."""
    address = environ.get(VARIABLE, "").strip().rstrip("/")
    # With /v1 it is the address that OpenAI's clients want.
    address = address.removesuffix("/v1").removesuffix("/api")
    if not address:
        return Found()
    if not address.startswith(("http://", "https://")):
        return Found(why_not=f"{VARIABLE} is {address!r}: it begins with http://, such as http://127.0.0.1:11434.")
    try:
        answer = asyncio.run(fetch(f"{address}/api/tags", most_bytes=_MOST_BYTES, seconds=_PATIENCE, local=True))
        models = _chatting(read_list(NAME, answer.content))
    except (FetchFailed, NoModelList):
        return Found(why_not=f"no Ollama answers at {address}. Start it, then start this again.")
    if not models:
        return Found(why_not=f"the Ollama at {address} has no model. Pull one, then start this again.")
    return Found(local_preset(address, models))


def _chatting(listed: list[ListedModel]) -> tuple[str, ...]:
    """The models that chat, the one pulled last first: that is the list's order."""
    return tuple(model.name for model in listed if not any(word in model.name for word in _NO_CHAT))
