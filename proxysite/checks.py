"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.utils.module_loading import import_string

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}


def encryption_key(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W001: Without an encryption key no secret can be stored."""
    if settings.ENCRYPTION_KEYS:
        return []
    return [
        checks.Warning(
            "ENCRYPTION_KEYS is empty, so credentials can only name environment variables.",
            hint="Run `python manage.py generate_key` and add its line to the environment.",
            id="gateway.W001",
        )
    ]


def debug_in_public(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E002: DEBUG shows settings and source code to anyone who causes an error."""
    if not settings.DEBUG or set(settings.ALLOWED_HOSTS) <= _LOOPBACK:
        return []
    return [
        checks.Error(
            "DEBUG is on and ALLOWED_HOSTS contains a public host.",
            hint="Set DEBUG=false, or on your own machine ALLOWED_HOSTS=127.0.0.1,localhost.",
            id="gateway.E002",
        )
    ]


def provider_enabled(app_configs: Any, databases: Sequence[str] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W003: Without an enabled provider every request fails."""
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
            "No provider is enabled, so every request will fail.",
            hint="Add one in the admin under Providers, or run `python manage.py quickstart`.",
            id="gateway.W003",
        )
    ]


def custom_router(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E004: A custom router that cannot be imported would never be called."""
    try:
        found = import_string(settings.CUSTOM_ROUTER) if settings.CUSTOM_ROUTER else None
    except ImportError as error:
        found, problem = None, f"CUSTOM_ROUTER cannot be imported: {error}"
    else:
        problem = "CUSTOM_ROUTER does not name a callable."
    if not settings.CUSTOM_ROUTER or callable(found):
        return []
    return [
        checks.Error(
            problem,
            hint="Set it to the dotted path of a function, such as mycompany.routing.choose, or leave it empty.",
            id="gateway.E004",
        )
    ]


def register_all() -> None:
    """Registers the checks with Django; the one that queries the database only runs where databases are given."""
    checks.register(encryption_key, checks.Tags.security)
    checks.register(debug_in_public, checks.Tags.security)
    checks.register(custom_router)
    checks.register(provider_enabled, checks.Tags.database)
