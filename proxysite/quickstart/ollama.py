"""Ollama for quickstart: an address instead of a key, and the models that it has pulled, fetched once at the start.

A server that is not running is skipped; the next start tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from providers.model_list import ListedModel
from providers.outbound.downloads import FetchFailed, fetch
from providers.outbound.model_lists import NoModelList, read_list
from proxysite.quickstart.presets import ProviderPreset, local_preset

NAME = "ollama"
VARIABLE = "OLLAMA_BASE_URL"
_TIMEOUT = 2.0
_MAX_BYTES = 4 * 1024 * 1024
_NO_CHAT = ("embed", "bge-", "minilm")
"""Parts of the names of models that only make embeddings."""


class Found:
    """A preset, the reason why there is none, or neither where Ollama is not configured."""

    __slots__ = ("preset", "why_not")

    def __init__(self, preset: ProviderPreset | None = None, why_not: str = "") -> None:
        self.preset = preset
        self.why_not = why_not


def find(environ: Mapping[str, str]) -> Found:
    """Fetches the models of the server at OLLAMA_BASE_URL (https://docs.ollama.com/api/tags)."""
    address = environ.get(VARIABLE, "").strip().rstrip("/")
    # With /v1 it is the base URL for OpenAI's clients.
    address = address.removesuffix("/v1").removesuffix("/api")
    if not address:
        return Found()
    if not address.startswith(("http://", "https://")):
        return Found(why_not=f"{VARIABLE} is {address!r}. It must start with http://, such as http://127.0.0.1:11434.")
    try:
        answer = asyncio.run(fetch(f"{address}/api/tags", most_bytes=_MAX_BYTES, seconds=_TIMEOUT, local=True))
        models = _chatting(read_list(NAME, answer.content))
    except (FetchFailed, NoModelList):
        return Found(why_not=f"no Ollama server answers at {address}. Start it, then run this again.")
    if not models:
        return Found(why_not=f"the Ollama server at {address} has no models. Pull one, then run this again.")
    return Found(local_preset(address, models))


def _chatting(listed: list[ListedModel]) -> tuple[str, ...]:
    """The chat models in the list's order, the one pulled last first."""
    return tuple(model.name for model in listed if not any(word in model.name for word in _NO_CHAT))
