"""LiteLLM's config.yaml in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.foreign.conversion import Draft
from configuration.foreign.litellm import deployments, groups, providers
from configuration.foreign.litellm.unsupported import ABOVE, GENERAL
from configuration.foreign.values import mapping, number

_READ = frozenset({"model_list", "router_settings", "litellm_settings", "general_settings", "credential_list"})


def is_one(value: Mapping[str, Any]) -> bool:
    """Whether a value is such a file."""
    return "model_list" in value or "litellm_settings" in value


def read(value: Mapping[str, Any], environ: Mapping[str, str]) -> Draft:
    """All of a file."""
    draft = Draft(environ)
    found = deployments.read(draft, value)
    models = providers.read(draft, found, _timeout(value))
    groups.read(draft, value, found, models)
    draft.rest("general_settings", mapping(value.get("general_settings")), (), GENERAL)
    draft.rest("", value, _READ, ABOVE)
    return draft


def _timeout(value: Mapping[str, Any]) -> float:
    """Seconds for a whole answer, where the file says them for all."""
    router, litellm = mapping(value.get("router_settings")), mapping(value.get("litellm_settings"))
    return number(router.get("timeout")) or number(litellm.get("request_timeout"))
