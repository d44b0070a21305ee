"""Converts providers of claude-code-router, version 2 and 3: address, keys, models, prices, transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from configuration.file.schema import CredentialEntry, PriceEntry, ProviderEntry
from configuration.foreign.ccr import transformers
from configuration.foreign.conversion import Conversion
from configuration.foreign.servers import Server, fitting_profile, server_of
from configuration.foreign.values import dollars, items, mapping, stripped, whole_number
from providers.dialects import DIALECTS
from providers.platforms import PLATFORMS
from providers.transforms import parse_chain, skipped_names

_NAMES = {
    "name": ("name", "NAME"),
    "address": ("api_base_url", "baseUrl", "baseurl", "HOST"),
    "key": ("api_key", "apiKey", "apikey", "APIKEY"),
    "models": ("models", "MODELS"),
    "type": ("type",),
    "use": ("transformer", "transformers"),
    "enabled": ("enabled",),
}
"""What is read of a provider -> the names that it may have in a file."""
_PROTOCOLS = {
    "openai_chat_completions": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic_messages": "anthropic",
    "gemini_generate_content": "gemini",
}
_REASONS = {
    "tokenizer": "The gateway counts tokens itself.",
    "account": "Account balances are not monitored.",
    "modelDescriptions": "Model descriptions for subagents are not supported.",
}
_READ_SEPARATELY = frozenset({"credentials", "extraBody", "extraHeaders", "modelMetadata"})
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
_IGNORED = frozenset(
    {
        *("id", "icon", "provider", "billing", "capabilities", "autoFetchModels", "autoFetchKnownModels"),
        *("protocolDetectionMode", "modelDisplayNames"),
    }
)


def read(conversion: Conversion, entries: Any, proxy_url: str) -> None:
    """Adds every provider of a file."""
    for number, entry in enumerate(items(entries)):
        place = f"Providers[{number}]"
        name = stripped(_of(mapping(entry), "name"))
        if name:
            conversion.add_provider(place, name, _provider(conversion, place, name, mapping(entry), proxy_url))
        else:
            conversion.skip(place, "The provider has no name.")


def _of(entry: Mapping[str, Any], what: str) -> Any:
    return next((entry[name] for name in _NAMES[what] if entry.get(name) not in (None, "")), None)


def _provider(
    conversion: Conversion, place: str, original_name: str, entry: dict[str, Any], proxy_url: str
) -> ProviderEntry | None:
    use = _of(entry, "use")
    chains = use if isinstance(use, dict) else {"use": use}
    wish = transformers.read(conversion, f"{place}.transformer.use", chains.get("use"))
    server = _server(conversion, place, entry, wish)
    if server is None:
        return None
    provider = ProviderEntry(
        name=conversion.free_name(original_name),
        dialect=server.dialect,
        base_url=server.base_url,
        credentials=[],
        models=[],
    )
    if server.is_local:
        provider.is_local = True
    elif proxy_url:
        provider.proxy_url = proxy_url
    if wish.platform:
        provider.platform = wish.platform
        conversion.to_do.append(
            f"Provider {provider.name}: complete its options in the admin, such as the cloud project."
        )
    if wish.profile and server.dialect == "openai_chat" and (fit := fitting_profile(server.base_url, wish.profile)):
        provider.profile = fit
    if _of(entry, "enabled") is False:
        provider.enabled = False
    provider.credentials = _credentials(conversion, place, entry, _of(entry, "key"), server)
    if headers := conversion.headers(f"{place}.extraHeaders", entry.get("extraHeaders")):
        provider.headers = {**headers}
    if fields := mapping(entry.get("extraBody")):
        wish.transforms.append({"name": "customparams", "options": {"params": fields}})
    provider.transforms = _effective(conversion, f"{place}.transformer.use", wish.transforms, server)
    for name in filter(None, map(stripped, items(_of(entry, "models")))):
        conversion.model(provider, name)
    _models(conversion, place, provider, chains, server)
    _describe(conversion, f"{place}.modelMetadata", provider, entry.get("modelMetadata"))
    known = {name for names in _NAMES.values() for name in names}
    conversion.skip_unknown(place, entry, known | _READ_SEPARATELY | _IGNORED, _REASONS)
    return provider


def _server(conversion: Conversion, place: str, entry: Mapping[str, Any], wish: transformers.Wish) -> Server | None:
    dialect = wish.dialect or _PROTOCOLS.get(stripped(_of(entry, "type")), "")
    address = conversion.text(f"{place}.api_base_url", _of(entry, "address"))
    if not address:
        conversion.skip(place, "The provider has no address and is left out.")
        return None
    if wish.platform and (platform := PLATFORMS.get(wish.platform)) is not None and (missing := platform.missing()):
        conversion.skip(place, f"The provider is left out: {missing}")
        return None
    if wish.platform and wish.platform not in PLATFORMS:
        return None
    try:
        server = server_of(address, dialect)
    except ValueError:
        conversion.skip(place, "The address is invalid, so the provider is left out.")
        return None
    if server.cut:
        conversion.skip(f"{place}.api_base_url", "The query after the ? is removed.")
    return server


def _models(
    conversion: Conversion, place: str, provider: ProviderEntry, chains: Mapping[str, Any], server: Server
) -> None:
    """Converts the transformers of single models. A dialect and a profile apply to a complete provider."""
    for name, chain in chains.items():
        if name == "use" or not isinstance(chain, dict):
            continue
        where = f"{place}.transformer.{name}.use"
        wish = transformers.read(conversion, where, chain.get("use"))
        if wish.platform or (wish.dialect and wish.dialect != server.dialect):
            conversion.skip(where, "A provider has one dialect. Create a second provider for this model.")
        elif wish.profile and provider.profile is UNSET and (fit := fitting_profile(server.base_url, wish.profile)):
            conversion.skip(where, f"A provider has one profile. Create a second provider with the profile {fit}.")
        transforms = _effective(conversion, where, wish.transforms, server)
        if transforms:
            conversion.model(provider, name).transforms = transforms


def _effective(conversion: Conversion, place: str, chain: list[dict[str, Any]], server: Server) -> list[Any]:
    """The transforms of a chain that have an effect at servers of this dialect."""
    if not DIALECTS[server.dialect].verbatim:
        return chain
    idle = skipped_names(parse_chain(chain))
    for name in idle:
        conversion.skip(place, f"{name} has no effect where Claude's answers are passed on unchanged.")
    return [transform for transform in chain if transform["name"] not in idle]


def _credentials(
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


def _describe(conversion: Conversion, place: str, provider: ProviderEntry, metadata: Any) -> None:
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
