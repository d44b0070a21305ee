"""System checks of our own, each with an id and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.utils.module_loading import import_string

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}


def encryption_key(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W001: without an encryption key no credential can be stored."""
    if settings.ENCRYPTION_KEYS:
        return []
    return [
        checks.Warning(
            "ENCRYPTION_KEYS is empty: credentials can only name environment variables.",
            hint="Run `python manage.py generate_key` and put its line into the environment.",
            id="gateway.W001",
        )
    ]


def debug_in_public(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E002: DEBUG shows settings and source to anyone who meets an error."""
    if not settings.DEBUG or set(settings.ALLOWED_HOSTS) <= _LOOPBACK:
        return []
    return [
        checks.Error(
            "DEBUG is on and ALLOWED_HOSTS names a public host.",
            hint="Set DEBUG=false, or ALLOWED_HOSTS=127.0.0.1,localhost on your own machine.",
            id="gateway.E002",
        )
    ]


def provider_enabled(app_configs: Any, databases: Sequence[str] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W003: with no provider enabled every request fails."""
    from providers.models import Provider

    if not databases:
        return []
    try:
        if Provider.objects.filter(enabled=True).exists():
            return []
    except DatabaseError:
        # Not migrated yet: `migrate` itself runs the checks.
        return []
    return [
        checks.Warning(
            "No provider is enabled: every request will fail.",
            hint="Add one in the admin under Providers, or run `python manage.py quickstart`.",
            id="gateway.W003",
        )
    ]


def custom_router(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E004: a custom router that cannot be imported would never be asked."""
    try:
        found = import_string(settings.CUSTOM_ROUTER) if settings.CUSTOM_ROUTER else None
    except ImportError as error:
        found, problem = None, f"CUSTOM_ROUTER cannot be imported: {error}"
    else:
        problem = "CUSTOM_ROUTER names something that cannot be called."
    if not settings.CUSTOM_ROUTER or callable(found):
        return []
    return [
        checks.Error(
            problem,
            hint="Write the dotted path of a function, such as ours.routing.choose, or leave it empty.",
            id="gateway.E004",
        )
    ]


def register_all() -> None:
    """Register the checks with Django; the one that asks the database runs where databases are named."""
    checks.register(encryption_key, checks.Tags.security)
    checks.register(debug_in_public, checks.Tags.security)
    checks.register(custom_router)
    checks.register(provider_enabled, checks.Tags.database)
