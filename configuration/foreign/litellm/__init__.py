"""Converts LiteLLM's config.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.foreign.conversion import Conversion
from configuration.foreign.litellm import deployments, groups, providers
from configuration.foreign.litellm.unsupported import GENERAL, TOP_LEVEL
from configuration.foreign.values import mapping, number

_READ = frozenset({"model_list", "router_settings", "litellm_settings", "general_settings", "credential_list"})


def is_one(value: Mapping[str, Any]) -> bool:
    """Whether a value is a configuration of LiteLLM."""
    return "model_list" in value or "litellm_settings" in value


def read(value: Mapping[str, Any], environ: Mapping[str, str]) -> Conversion:
    """Converts a file."""
    conversion = Conversion(environ)
    found = deployments.read(conversion, value)
    models = providers.read(conversion, found, _timeout(value))
    groups.read(conversion, value, found, models)
    conversion.skip_unknown("general_settings", mapping(value.get("general_settings")), (), GENERAL)
    conversion.skip_unknown("", value, _READ, TOP_LEVEL)
    return conversion


def _timeout(value: Mapping[str, Any]) -> float:
    """Seconds for a complete answer, where the file sets one timeout for all; else 0."""
    router, litellm = mapping(value.get("router_settings")), mapping(value.get("litellm_settings"))
    return number(router.get("timeout")) or number(litellm.get("request_timeout"))
