"""The models that a provider says it has, asked for through the guarded client when an administrator wants to see them.

One row a dialect: where the list is, how the credential goes along, and how a listed model is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from providers.config import ProviderConfig, Secret
from providers.outbound.guard import FetchFailed, fetch

SECONDS = 10.0
_MOST_BYTES = 16 * 1024 * 1024


class ListedModel(msgspec.Struct, frozen=True):
    """A model as its provider lists it; limits are tokens, None where the list does not say."""

    name: str
    context_window: int | None = None
    max_output: int | None = None


class NoModelList(Exception):
    """There is no list to be had; the text says why and what to do."""


class _List(msgspec.Struct, frozen=True):
    path: str
    headers: Callable[[str], dict[str, str]]
    models: str
    read: Callable[[Mapping[str, Any]], ListedModel | None]


async def model_list(provider: ProviderConfig) -> list[ListedModel]:
    """The provider's models, in its own order. Raises NoModelList."""
    row = _LISTS.get(provider.dialect)
    if row is None or provider.platform:
        raise NoModelList("This provider has no list that can be asked for: enter its models by hand.")
    secret: Secret | None = provider.credentials[0].secret if provider.credentials else None
    headers = {} if secret is None else row.headers(secret.reveal())
    headers |= dict(provider.headers)
    try:
        answer = await fetch(
            provider.base_url + _path(row, provider),
            most_bytes=_MOST_BYTES,
            seconds=SECONDS,
            local=provider.is_local,
            headers=headers,
        )
    except FetchFailed as error:
        raise NoModelList(f"The list could not be fetched: {error.reason}.") from error
    return read_list(provider.dialect, answer.content)


def read_list(dialect: str, content: bytes) -> list[ListedModel]:
    """The models in the bytes of a dialect's list, in its order. Raises NoModelList for anything else."""
    row = _LISTS[dialect]
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoModelList("What answers at that address is no list of models: check the base URL.") from error
    listed = document.get(row.models) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise NoModelList("What answers at that address is no list of models: check the base URL.")
    models = (row.read(entry) for entry in listed if isinstance(entry, dict))
    return [model for model in models if model is not None]


def _path(row: _List, provider: ProviderConfig) -> str:
    # A Claude server's base URL may end in /v1 or stand before it, as for its messages.
    return row.path.removeprefix("/v1") if provider.base_url.endswith("/v1") else row.path


def _openai(entry: Mapping[str, Any]) -> ListedModel | None:
    """OpenAI's form, with the limits that OpenRouter, vLLM, Groq and Mistral add to it."""
    top = entry.get("top_provider")
    most = top.get("max_completion_tokens") if isinstance(top, dict) else entry.get("max_completion_tokens")
    window = _first(entry, "context_length", "max_model_len", "context_window", "max_context_length")
    return _model(entry.get("id"), window, most)


def _anthropic(entry: Mapping[str, Any]) -> ListedModel | None:
    return _model(entry.get("id"), entry.get("max_input_tokens"), entry.get("max_tokens"))


def _gemini(entry: Mapping[str, Any]) -> ListedModel | None:
    methods = entry.get("supportedGenerationMethods")
    if isinstance(methods, list) and "generateContent" not in methods:
        return None
    name = entry.get("name")
    short = name.removeprefix("models/") if isinstance(name, str) else None
    return _model(short, entry.get("inputTokenLimit"), entry.get("outputTokenLimit"))


def _ollama(entry: Mapping[str, Any]) -> ListedModel | None:
    return _model(entry.get("name"), None, None)


def _model(name: Any, window: Any, most: Any) -> ListedModel | None:
    if not isinstance(name, str) or not 0 < len(name) <= 160:
        return None
    return ListedModel(name, _count(window), _count(most))


def _first(entry: Mapping[str, Any], *names: str) -> Any:
    return next((entry[name] for name in names if entry.get(name)), None)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


_LISTS: dict[str, _List] = {
    # https://platform.openai.com/docs/api-reference/models/list
    "openai_chat": _List("/models", _bearer, "data", _openai),
    "openai_responses": _List("/models", _bearer, "data", _openai),
    # https://docs.claude.com/en/api/models-list
    "anthropic": _List(
        "/v1/models?limit=1000",
        lambda secret: {"x-api-key": secret, "anthropic-version": "2023-06-01"},
        "data",
        _anthropic,
    ),
    # https://ai.google.dev/api/models#method:-models.list
    "gemini": _List("/models?pageSize=1000", lambda secret: {"x-goog-api-key": secret}, "models", _gemini),
    # https://docs.ollama.com/api/tags
    "ollama": _List("/api/tags", _bearer, "models", _ollama),
}
