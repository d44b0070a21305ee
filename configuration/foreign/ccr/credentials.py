"""Converts a provider's keys in claude-code-router's files, and what version 3 knows of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from configuration.file.schema import CredentialEntry, PriceEntry, ProviderEntry
from configuration.foreign.conversion import Conversion
from configuration.foreign.servers import Server
from configuration.foreign.values import dollars, items, mapping, whole_number

_PRICES = {
    "inputUsdPerMillionTokens": "input",
    "outputUsdPerMillionTokens": "output",
    "cacheReadUsdPerMillionTokens": "cache_read",
    "cacheWriteUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite5mUsdPerMillionTokens": "cache_write_5m",
    "cacheWrite1hUsdPerMillionTokens": "cache_write_1h",
}
_MAX_SMALLINT = 32_767
_LIMITS = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute"}


def read(
    conversion: Conversion, place: str, entry: Mapping[str, Any], key: Any, server: Server
) -> list[CredentialEntry]:
    """The credentials of a provider: one key, or a pool of keys."""
    found: list[CredentialEntry] = []
    for number, given in enumerate(items(entry.get("credentials"))):
        if isinstance(given, dict):
            credential = _pooled(conversion, f"{place}.credentials[{number}]", given, number)
            if credential is not None and credential.name not in {each.name for each in found}:
                found.append(credential)
    if not found:
        single = conversion.credential(f"{place}.api_key", key if key is not None else "")
        found = [] if single is None else [single]
    if server.is_local:
        # Local servers need no key; what a file gives there is a placeholder.
        found = [credential for credential in found if credential.stored is UNSET]
    return found


def _pooled(conversion: Conversion, place: str, given: Mapping[str, Any], number: int) -> CredentialEntry | None:
    key = next((given[name] for name in ("api_key", "apiKey", "apikey") if given.get(name)), None)
    name = next((given[name] for name in ("name", "label", "id") if isinstance(given.get(name), str)), "")
    credential = conversion.credential(f"{place}.api_key", key, name=(name or f"key {number + 1}")[:60])
    if credential is None:
        conversion.skip(place, "The credential has no key.")
        return None
    # Their priority is the position: the lowest is used first.
    credential.position = min(whole_number(given.get("priority")) or number + 1, _MAX_SMALLINT)
    if weight := whole_number(given.get("weight")):
        credential.weight = min(weight, _MAX_SMALLINT)
    if given.get("enabled") is False:
        credential.enabled = False
    for limit, value in mapping(given.get("limits")).items():
        if limit in _LIMITS and whole_number(value):
            setattr(credential, _LIMITS[limit], whole_number(value))
        elif value:
            conversion.skip(f"{place}.limits.{limit}", "A credential only has limits per minute.")
    return credential


def describe(conversion: Conversion, place: str, provider: ProviderEntry, metadata: Any) -> None:
    """Sets the context window, limit and prices of a provider's models."""
    for name, value in mapping(metadata).items():
        given = mapping(value)
        model = conversion.model(provider, name)
        window = whole_number(given.get("contextWindow")) or whole_number(given.get("maxContextWindow"))
        most = whole_number(given.get("maxOutputTokens"))
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
