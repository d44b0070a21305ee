"""A provider's keys, and what version 3 of claude-code-router knows of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from configuration.file.schema import CredentialEntry, PriceEntry, ProviderEntry
from configuration.foreign.conversion import Draft
from configuration.foreign.servers import Server
from configuration.foreign.values import dollars, items, mapping, whole

_PRICES = {
    "inputUsdPerMillionTokens": "input",
    "outputUsdPerMillionTokens": "output",
    "cacheReadUsdPerMillionTokens": "cache_read",
    "cacheWriteUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite5mUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite1hUsdPerMillionTokens": "cache_write_1h",
}
_MOST = 32_767
_LIMITS = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute"}


def read(draft: Draft, place: str, entry: Mapping[str, Any], key: Any, server: Server) -> list[CredentialEntry]:
    """The credentials of a provider: one key, or a pool of them."""
    found: list[CredentialEntry] = []
    for number, given in enumerate(items(entry.get("credentials"))):
        if isinstance(given, dict):
            credential = _pooled(draft, f"{place}.credentials[{number}]", given, number)
            if credential is not None and credential.name not in {each.name for each in found}:
                found.append(credential)
    if not found:
        single = draft.credential(f"{place}.api_key", key if key is not None else "")
        found = [] if single is None else [single]
    if server.is_local:
        # Servers of one's own ask for no key, and what stands there is a word in its place.
        found = [credential for credential in found if credential.stored is UNSET]
    return found


def _pooled(draft: Draft, place: str, given: Mapping[str, Any], number: int) -> CredentialEntry | None:
    key = next((given[name] for name in ("api_key", "apiKey", "apikey") if given.get(name)), None)
    name = next((given[name] for name in ("name", "label", "id") if isinstance(given.get(name), str)), "")
    credential = draft.credential(f"{place}.api_key", key, name=(name or f"key {number + 1}")[:60])
    if credential is None:
        draft.lose(place, "there is no key.")
        return None
    # Their priority is our position: the lowest is used first.
    credential.position = min(whole(given.get("priority")) or number + 1, _MOST)
    if weight := whole(given.get("weight")):
        credential.weight = min(weight, _MOST)
    if given.get("enabled") is False:
        credential.enabled = False
    for limit, value in mapping(given.get("limits")).items():
        if limit in _LIMITS and whole(value):
            setattr(credential, _LIMITS[limit], whole(value))
        elif value:
            draft.lose(f"{place}.limits.{limit}", "a credential has limits per minute here, and no others.")
    return credential


def describe(draft: Draft, place: str, provider: ProviderEntry, metadata: Any) -> None:
    """What a file says of models: window, limit, prices."""
    for name, value in mapping(metadata).items():
        given = mapping(value)
        model = draft.model(provider, name)
        window = whole(given.get("contextWindow")) or whole(given.get("maxContextWindow"))
        most = whole(given.get("maxOutputTokens"))
        if window:
            model.context_window = window
        if most and most <= (window or most):
            model.max_output = most
        prices = mapping(given.get("pricing"))
        amounts: dict[str, Any] = {
            ours: amount for theirs, ours in _PRICES.items() if (amount := dollars(prices.get(theirs))) is not None
        }
        if amounts:
            model.prices = [PriceEntry(**amounts)]
