"""A provider's keys, and what version 3 of claude-code-router knows of its models."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from proxysite.configuration.foreign.draft import Draft
from proxysite.configuration.foreign.servers import Server
from proxysite.configuration.schema import CredentialEntry, PriceEntry, ProviderEntry

_PRICES = {
    "inputUsdPerMillionTokens": "input",
    "outputUsdPerMillionTokens": "output",
    "cacheReadUsdPerMillionTokens": "cache_read",
    "cacheWriteUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite5mUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite1hUsdPerMillionTokens": "cache_write_1h",
}
_LIMITS = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute"}


def read(draft: Draft, place: str, entry: Mapping[str, Any], key: Any, server: Server) -> list[CredentialEntry]:
    """The credentials of a provider: one key, or a pool of them."""
    entries = entry.get("credentials")
    found: list[CredentialEntry] = []
    for number, given in enumerate(entries if isinstance(entries, list) else []):
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
    priority = given.get("priority")
    credential.position = priority if isinstance(priority, int) and 0 <= priority <= 32_767 else number + 1
    weight = given.get("weight")
    if isinstance(weight, int | float) and weight > 0 and weight != 1:
        credential.weight = max(1, round(weight))
    if given.get("enabled") is False:
        credential.enabled = False
    limits = given.get("limits")
    for limit, value in limits.items() if isinstance(limits, dict) else ():
        if limit in _LIMITS and isinstance(value, int) and value > 0:
            setattr(credential, _LIMITS[limit], value)
        elif value:
            draft.lose(f"{place}.limits.{limit}", "a credential has limits per minute here, and no others.")
    return credential


def describe(draft: Draft, place: str, provider: ProviderEntry, metadata: Any) -> None:
    """What a file says of models: window, limit, prices."""
    for name, given in metadata.items() if isinstance(metadata, dict) else ():
        if not isinstance(given, dict):
            continue
        model = draft.model(provider, name)
        window = given.get("contextWindow") or given.get("maxContextWindow")
        most = given.get("maxOutputTokens")
        if isinstance(window, int) and window > 0:
            model.context_window = window
        if isinstance(most, int) and most > 0 and (model.context_window is UNSET or most <= (window or most)):
            model.max_output = most
        prices = given.get("pricing")
        amounts: dict[str, Any] = {
            ours: Decimal(str(prices[theirs]))
            for theirs, ours in _PRICES.items()
            if isinstance(prices, dict) and isinstance(prices.get(theirs), int | float)
        }
        if amounts:
            model.prices = [PriceEntry(**amounts)]
