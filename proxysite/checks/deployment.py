"""System checks of how the gateway is set up: keys, hosts, providers, credentials, mail, pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.utils import timezone
from django.utils.module_loading import import_string

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
_BUSY = 900
"""Requests in a quarter of an hour, one a second: from there on a page nearly always meets a stream to hold up."""
_LOOKED_AT_DAYS = 7


def encryption_key(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W001: Without an encryption key no secret can be stored."""
    if settings.ENCRYPTION_KEYS:
        return []
    return [
        checks.Warning(
            "ENCRYPTION_KEYS is empty, so credentials can only name environment variables.",
            hint="Run `./gateway generate_key` and add its line to the environment.",
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
            hint="Add one in the admin under Providers, or run `./gateway quickstart`.",
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


def mail(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E010: A mail server without a sender, or without the address that links in mails begin with."""
    missing = [name for name in ("DEFAULT_FROM_EMAIL", "PUBLIC_URL") if not getattr(settings, name)]
    if not settings.EMAIL_URL or not missing:
        return []
    return [
        checks.Error(
            f"EMAIL_URL is set without {' and '.join(missing)}, so no mail is sent.",
            hint="Set them too, such as DEFAULT_FROM_EMAIL=gateway@example.com, PUBLIC_URL=https://gateway.example.com.",
            id="gateway.E010",
        )
    ]


def pages(app_configs: Any, databases: Sequence[str] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W017: Pages in the processes of a busy gateway."""
    if not databases or settings.DEBUG or settings.PAGES == "apart":
        return []
    # Reports, which whatever checks only settings does not load.
    from usage.reports.pulse import busiest_quarter_hour

    try:
        most = busiest_quarter_hour(timezone.now() - timedelta(days=_LOOKED_AT_DAYS))
    except DatabaseError:
        return []
    if most < _BUSY:
        return []
    return [
        checks.Warning(
            f"Pages are served by the processes of the API, and {most:,} requests came in the busiest quarter hour of "
            f"the last {_LOOKED_AT_DAYS} days: while a worker makes a page or an export, the streams that it answers "
            "come in lumps.",
            hint="Behind nginx give pages a process of their own: PAGES=apart and deploy/nginx.conf, as "
            "docs/operations.md describes. Without a web server in front, look at large pages while few people wait.",
            id="gateway.W017",
        )
    ]
