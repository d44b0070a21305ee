"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.utils.module_loading import import_string

from access.addresses import networks

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
_POSITIVE = (
    *("MAX_BODY_BYTES", "MAX_HEADER_BYTES", "MAX_HEADERS", "HEADER_SECONDS", "BODY_SECONDS", "IDLE_SECONDS"),
    *("SEND_SECONDS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_REQUESTS_PER_KEY"),
    *("MAX_BODIES_BYTES", "MAX_BODIES_BYTES_PER_KEY"),
)


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


def credential_variables(
    app_configs: Any, databases: Sequence[str] | None, **kwargs: Any
) -> Sequence[checks.CheckMessage]:
    """gateway.W005: Credentials that name variables outside CREDENTIAL_VARIABLES."""
    from providers.credentials.variables import is_own, line_with, unreadable
    from providers.models import Credential

    if not databases:
        return []
    try:
        rows = Credential.objects.filter(source=Credential.Source.ENVIRONMENT).values_list("variable", flat=True)
        names = unreadable(rows)
    except DatabaseError:
        return []
    own, others = [name for name in names if is_own(name)], [name for name in names if not is_own(name)]
    found = []
    if others:
        found.append(
            checks.Warning(
                f"Credentials name variables that CREDENTIAL_VARIABLES does not allow: {', '.join(others)}. They are "
                "used only where they were named before there was such a list.",
                hint=f"If they are meant, add this line to the environment: {line_with(others)}",
                id="gateway.W005",
            )
        )
    if own:
        found.append(
            checks.Warning(
                f"Credentials name the gateway's own settings, which are never sent to a provider: {', '.join(own)}.",
                hint="Remove these credentials, and find out who entered them.",
                id="gateway.W005",
            )
        )
    return found


def plain_headers(app_configs: Any, databases: Sequence[str] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W007: Secret headers that an upgrade without an encryption key had to leave as they were."""
    from providers.models import Provider

    if not databases:
        return []
    try:
        rows = Provider.objects.values_list("name", "secret_headers")
        names = [name for name, found in rows if any(stored.get("plain") for stored in found.values())]
    except DatabaseError:
        return []
    if not names:
        return []
    return [
        checks.Warning(
            f"Values of headers are not encrypted in the database: {', '.join(names)}.",
            hint="Set ENCRYPTION_KEYS, then save these providers once in the admin.",
            id="gateway.W007",
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


def revoked_keys(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E008: A misspelt value would leave the answers of revoked keys running."""
    if settings.REVOKED_KEYS in ("finish", "cut"):
        return []
    return [
        checks.Error(
            f"REVOKED_KEYS is {settings.REVOKED_KEYS!r}, which is neither finish nor cut.",
            hint="Set REVOKED_KEYS=cut to end the running answers of revoked keys, otherwise finish.",
            id="gateway.E008",
        )
    ]


def limits(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E006: A limit that nothing could keep to, or an address that is none."""
    found = [
        f"{name} is {value}, but must be more than 0."
        for name in _POSITIVE
        if not (value := getattr(settings, name)) > 0
    ]
    if not settings.MIN_BODY_RATE >= 0:
        found.append(f"MIN_BODY_RATE is {settings.MIN_BODY_RATE}, but must be 0 or more.")
    for name in ("MAX_BODIES_BYTES", "MAX_BODIES_BYTES_PER_KEY"):
        if getattr(settings, name) < settings.MAX_BODY_BYTES:
            found.append(f"{name} is less than MAX_BODY_BYTES, so that the largest body could never be taken.")
    try:
        networks(tuple(settings.TRUSTED_PROXIES))
    except ValueError as error:
        found.append(f"TRUSTED_PROXIES is no list of addresses and networks (CIDR): {error}.")
    return [
        checks.Error(problem, hint="Correct it in the environment; .env.example describes it.", id="gateway.E006")
        for problem in found
    ]


def register_all() -> None:
    """Registers the checks with Django; the one that queries the database only runs where databases are given."""
    checks.register(encryption_key, checks.Tags.security)
    checks.register(debug_in_public, checks.Tags.security)
    checks.register(custom_router)
    checks.register(revoked_keys, checks.Tags.security)
    checks.register(limits)
    checks.register(provider_enabled, checks.Tags.database)
    checks.register(credential_variables, checks.Tags.database)
    checks.register(plain_headers, checks.Tags.database)
