"""Converts claude-code-router's config.json, version 2 (a Router of scenarios) and 3 (rules)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry
from configuration.file.secrets import holds_variable
from configuration.foreign.ccr import providers, rules, scenarios
from configuration.foreign.conversion import Conversion
from configuration.foreign.values import items, mapping, stripped

_CLIENT_KEYS = "Clients use client keys of this gateway. Create them in the admin."
_SERVE = "Use --host and --port of `./gateway serve`."
_REASONS = {
    "APIKEY": _CLIENT_KEYS,
    "APIKEYS": _CLIENT_KEYS,
    "HOST": _SERVE,
    "PORT": _SERVE,
    "LOG": "Logging is set by LOG_LEVEL and LOG_FORMAT in the environment.",
    "LOG_LEVEL": "This is set in the environment.",
    "API_TIMEOUT_MS": "Timeouts are set per provider. Claude Code reads this name from its environment.",
    "CUSTOM_ROUTER_PATH": "Rewrite it as a Python callable and name it in CUSTOM_ROUTER, or as rules.",
    "REWRITE_SYSTEM_PROMPT": "System prompts are passed on unchanged.",
    "StatusLine": "The status line belongs to the client.",
    "forceUseImageAgent": "There is no image agent. Requests with images go to the route of the image scenario.",
    "virtualModelProfiles": "Models composed of several models are not supported.",
    "plugins": "Plugins are not supported.",
    "providerPlugins": "Plugins are not supported.",
}
_READ = frozenset({"Providers", "providers", "Router", "fallback", "PROXY_URL", "transformers", "profile"})
_QUIET = frozenset(
    {
        *(
            "NON_INTERACTIVE_MODE",
            "agent",
            "autoStart",
            "botConfigs",
            "botGateway",
            "contextArchive",
            "gateway",
            "mediaTools",
        ),
        *("launchAtLogin", "observability", "overviewWidgets", "preferredProvider", "proxy", "routerEndpoint", "theme"),
        *(
            "toolHub",
            "trayBalanceProgress",
            "trayProgressTargetTokens",
            "trayComponentVariants",
            "trayIcon",
            "trayWidgets",
        ),
        *("trayWindowModules",),
    }
)
"""Settings of the desktop application itself."""


def is_one(value: Mapping[str, Any]) -> bool:
    """Whether a value is a configuration of claude-code-router."""
    return "Providers" in value or "Router" in value


def version(value: Mapping[str, Any]) -> int:
    """The version of the format, 2 or 3."""
    return 3 if {"rules", "builtInRules"} & mapping(value.get("Router")).keys() else 2


def read(value: Mapping[str, Any], environ: Mapping[str, str]) -> Conversion:
    """Converts a file."""
    conversion = Conversion(environ)
    providers.read(conversion, value.get("Providers") or value.get("providers"), _proxy(conversion, value))
    router = mapping(value.get("Router"))
    if version(value) == 3:
        rules.read(conversion, router, value.get("profile"))
    else:
        scenarios.read(conversion, router, value.get("fallback"))
    _add_aliases(conversion, slash=version(value) == 3)
    for number, entry in enumerate(items(value.get("transformers"))):
        path = stripped(mapping(entry).get("path")) or stripped(entry) or "(no path)"
        conversion.skip(f"transformers[{number}]", f"{path}: JavaScript transformers are not supported.")
    conversion.skip_unknown("", value, _READ | _QUIET, _REASONS)
    return conversion


def _add_aliases(conversion: Conversion, *, slash: bool) -> None:
    """Adds aliases for model names that would not be valid: those with a slash, or of a renamed provider."""
    for provider in conversion.configuration.providers:
        for name in conversion.original_names(provider):
            if not slash and name.lower() == provider.name:
                continue
            for model in provider.models:
                alias = f"{name}{'/' if slash else ','}{model.name}"
                conversion.configuration.aliases.append(
                    AliasEntry(pattern=alias, target=f"{provider.name}:{model.name}")
                )


def _proxy(conversion: Conversion, value: Mapping[str, Any]) -> str:
    url = conversion.text("PROXY_URL", value.get("PROXY_URL"))
    if "@" in url and not holds_variable(url):
        conversion.skip("PROXY_URL", "A proxy URL cannot contain a user and a password.")
        return ""
    return url
