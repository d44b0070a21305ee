"""Providers of claude-code-router, version 2 and 3: address, keys, models, transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from configuration.file.schema import ProviderEntry
from configuration.foreign.ccr import credentials, transformers
from configuration.foreign.conversion import Draft
from configuration.foreign.servers import Server, fitting_profile, server_of
from configuration.foreign.values import items, mapping, word
from providers.dialects import DIALECTS
from providers.platforms import PLATFORMS
from providers.transforms import left_out, parse_chain

_NAMES = {
    "name": ("name", "NAME"),
    "address": ("api_base_url", "baseUrl", "baseurl", "HOST"),
    "key": ("api_key", "apiKey", "apikey", "APIKEY"),
    "models": ("models", "MODELS"),
    "type": ("type",),
    "use": ("transformer", "transformers"),
    "enabled": ("enabled",),
}
"""What is read of a provider, and under which names it may stand."""
_PROTOCOLS = {
    "openai_chat_completions": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic_messages": "anthropic",
    "gemini_generate_content": "gemini",
}
_TOLD = {
    "tokenizer": "tokens are counted by the gateway itself.",
    "account": "balances at providers are not watched here.",
    "modelDescriptions": "models are not described to subagents here.",
}
_ELSEWHERE = frozenset({"credentials", "extraBody", "extraHeaders", "modelMetadata"})
_QUIET = frozenset(
    {
        *("id", "icon", "provider", "billing", "capabilities", "autoFetchModels", "autoFetchKnownModels"),
        *("protocolDetectionMode", "modelDisplayNames"),
    }
)


def read(draft: Draft, entries: Any, proxy_url: str) -> None:
    """Every provider of a file into the draft."""
    for number, entry in enumerate(items(entries)):
        place = f"Providers[{number}]"
        told = word(_of(mapping(entry), "name"))
        if told:
            draft.provider(place, told, _provider(draft, place, told, mapping(entry), proxy_url))
        else:
            draft.lose(place, "this provider has no name.")


def _of(entry: Mapping[str, Any], what: str) -> Any:
    return next((entry[name] for name in _NAMES[what] if entry.get(name) not in (None, "")), None)


def _provider(draft: Draft, place: str, told: str, entry: dict[str, Any], proxy_url: str) -> ProviderEntry | None:
    use = _of(entry, "use")
    chains = use if isinstance(use, dict) else {"use": use}
    wish = transformers.read(draft, f"{place}.transformer.use", chains.get("use"))
    server = _server(draft, place, entry, wish)
    if server is None:
        return None
    provider = ProviderEntry(
        name=draft.free_name(told), dialect=server.dialect, base_url=server.base_url, credentials=[], models=[]
    )
    if server.is_local:
        provider.is_local = True
    elif proxy_url:
        provider.proxy_url = proxy_url
    if wish.platform:
        provider.platform = wish.platform
        draft.todo.append(f"provider {provider.name}: look at its options in the admin: the cloud's project, for one.")
    if wish.profile and server.dialect == "openai_chat" and (fit := fitting_profile(server.base_url, wish.profile)):
        provider.profile = fit
    if _of(entry, "enabled") is False:
        provider.enabled = False
    provider.credentials = credentials.read(draft, place, entry, _of(entry, "key"), server)
    if headers := draft.headers(f"{place}.extraHeaders", entry.get("extraHeaders")):
        provider.headers = headers
    if fields := mapping(entry.get("extraBody")):
        wish.transforms.append({"name": "customparams", "options": {"params": fields}})
    provider.transforms = _able(draft, f"{place}.transformer.use", wish.transforms, server)
    for name in filter(None, map(word, items(_of(entry, "models")))):
        draft.model(provider, name)
    _models(draft, place, provider, chains, server)
    credentials.describe(draft, f"{place}.modelMetadata", provider, entry.get("modelMetadata"))
    known = {name for names in _NAMES.values() for name in names}
    draft.rest(place, entry, known | _ELSEWHERE | _QUIET, _TOLD)
    return provider


def _server(draft: Draft, place: str, entry: Mapping[str, Any], wish: transformers.Wish) -> Server | None:
    dialect = wish.dialect or _PROTOCOLS.get(word(_of(entry, "type")), "")
    address = draft.text(f"{place}.api_base_url", _of(entry, "address"))
    if not address:
        draft.lose(place, "there is no address, so the provider is left out.")
        return None
    if wish.platform and (platform := PLATFORMS.get(wish.platform)) is not None and (missing := platform.missing()):
        draft.lose(place, f"the provider is left out: {missing}")
        return None
    if wish.platform and wish.platform not in PLATFORMS:
        return None
    try:
        server = server_of(address, dialect)
    except ValueError:
        draft.lose(place, "its address is none, so the provider is left out.")
        return None
    if server.cut:
        draft.lose(f"{place}.api_base_url", "what stands after the ? is cut off.")
    return server


def _models(draft: Draft, place: str, provider: ProviderEntry, chains: Mapping[str, Any], server: Server) -> None:
    """The transformers of single models. A dialect and a profile are the whole provider's here."""
    for name, chain in chains.items():
        if name == "use" or not isinstance(chain, dict):
            continue
        where = f"{place}.transformer.{name}.use"
        wish = transformers.read(draft, where, chain.get("use"))
        if wish.platform or (wish.dialect and wish.dialect != server.dialect):
            draft.lose(where, "one provider has one dialect here: make a second provider for this model.")
        elif wish.profile and provider.profile is UNSET and (fit := fitting_profile(server.base_url, wish.profile)):
            draft.lose(where, f"one provider has one profile here: make a second one, with the profile {fit}.")
        transforms = _able(draft, where, wish.transforms, server)
        if transforms:
            draft.model(provider, name).transforms = transforms


def _able(draft: Draft, place: str, chain: list[dict[str, Any]], server: Server) -> list[Any]:
    """The transforms of a chain that do something at servers of this dialect."""
    if not DIALECTS[server.dialect].verbatim:
        return chain
    idle = left_out(parse_chain(chain))
    for name in idle:
        draft.lose(place, f"{name} does nothing where Claude's own answers pass unchanged.")
    return [transform for transform in chain if transform["name"] not in idle]
