"""claude-code-router's config.json, version 2 (a Router of scenarios) and 3 (rules), in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry
from configuration.file.secrets import holds_variable
from configuration.foreign.ccr import providers, rules, scenarios
from configuration.foreign.conversion import Draft
from configuration.foreign.values import items, mapping, word

_CLIENT_KEYS = "whoever calls gets a client key of this gateway, made in the admin."
_SERVE = "`manage.py serve` has --host and --port."
_TOLD = {
    "APIKEY": _CLIENT_KEYS,
    "APIKEYS": _CLIENT_KEYS,
    "HOST": _SERVE,
    "PORT": _SERVE,
    "LOG": "LOG_LEVEL and LOG_FORMAT in the environment say what is logged.",
    "LOG_LEVEL": "it is read from the environment here.",
    "API_TIMEOUT_MS": "each provider has time-outs of its own here; Claude Code reads this name from its environment.",
    "CUSTOM_ROUTER_PATH": "write it as a Python callable and name it in CUSTOM_ROUTER, or write it as rules.",
    "REWRITE_SYSTEM_PROMPT": "system prompts are passed on as they are.",
    "StatusLine": "the status line is the client's.",
    "forceUseImageAgent": "there is no image agent: a request with images goes to the image scenario's route.",
    "virtualModelProfiles": "models made of several are not known here.",
    "plugins": "plugins are not known here.",
    "providerPlugins": "plugins are not known here.",
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
"""What the desktop application keeps for itself."""


def is_one(value: Mapping[str, Any]) -> bool:
    """Whether a value is such a file."""
    return "Providers" in value or "Router" in value


def version(value: Mapping[str, Any]) -> int:
    """Which version wrote a file."""
    return 3 if {"rules", "builtInRules"} & mapping(value.get("Router")).keys() else 2


def read(value: Mapping[str, Any], environ: Mapping[str, str]) -> Draft:
    """All of a file."""
    draft = Draft(environ)
    providers.read(draft, value.get("Providers") or value.get("providers"), _proxy(draft, value))
    router = mapping(value.get("Router"))
    if version(value) == 3:
        rules.read(draft, router, value.get("profile"))
    else:
        scenarios.read(draft, router, value.get("fallback"))
    _names(draft, slash=version(value) == 3)
    for number, entry in enumerate(items(value.get("transformers"))):
        path = word(mapping(entry).get("path")) or word(entry) or "one without a path"
        draft.lose(f"transformers[{number}]", f"{path}: transformers in JavaScript do not run here.")
    draft.rest("", value, _READ | _QUIET, _TOLD)
    return draft


def _names(draft: Draft, *, slash: bool) -> None:
    """Aliases for the names of models that would mean nothing here: with a slash, or of a provider called otherwise."""
    for provider in draft.configuration.providers:
        for told in draft.told(provider):
            if not slash and told.lower() == provider.name:
                continue
            for model in provider.models:
                alias = f"{told}{'/' if slash else ','}{model.name}"
                draft.configuration.aliases.append(AliasEntry(pattern=alias, target=f"{provider.name}:{model.name}"))


def _proxy(draft: Draft, value: Mapping[str, Any]) -> str:
    url = draft.text("PROXY_URL", value.get("PROXY_URL"))
    if "@" in url and not holds_variable(url):
        draft.lose("PROXY_URL", "a proxy with a user and a password cannot be entered here.")
        return ""
    return url
