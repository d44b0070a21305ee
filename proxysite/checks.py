"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.utils import timezone
from django.utils.module_loading import import_string

from access.addresses import networks
from proxysite import store_checks
from usage.reports.peak import busiest_quarter_hour

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
_POSITIVE = (
    *("MAX_BODY_BYTES", "MAX_HEADER_BYTES", "MAX_HEADERS", "HEADER_SECONDS", "BODY_SECONDS", "IDLE_SECONDS"),
    *("SEND_SECONDS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_REQUESTS_PER_KEY"),
    *("MAX_BODIES_BYTES", "MAX_BODIES_BYTES_PER_KEY", "BUDGET_SLICE_TOKENS"),
)
_BUSY = 900
"""Requests in a quarter of an hour, one a second: from there on a page nearly always meets a stream to hold up."""
_LOOKED_AT_DAYS = 7
_NOT_NEGATIVE = ("MIN_BODY_RATE", "REFUSED_KEYS_PER_MINUTE", "LONGEST_LIMIT_WAIT", "MAX_STALE")


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


def quota_probe(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E012: A misspelt value would send the probe to a provider."""
    if settings.QUOTA_PROBE in ("answer", "forward"):
        return []
    return [
        checks.Error(
            f"QUOTA_PROBE is {settings.QUOTA_PROBE!r}, which is neither answer nor forward.",
            hint="Set QUOTA_PROBE=answer to answer Claude Code's quota probe without a provider, otherwise forward.",
            id="gateway.E012",
        )
    ]


def budgets(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E015: A misspelt value would refuse what is to be served, or serve what is to be refused."""
    return [
        checks.Error(
            f"{name} is {value!r}, which is neither refuse nor serve.",
            hint=f"Set {name}=serve to serve {what} to keys with a hard budget too, otherwise refuse.",
            id="gateway.E015",
        )
        for name, what in (
            ("UNPRICED_MODELS", "models without a price"),
            ("UNREADABLE_BUDGETS", "requests whose budgets cannot be read"),
        )
        if (value := getattr(settings, name)) not in ("refuse", "serve")
    ]


def end_users(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E009: A misspelt value would store nothing."""
    if settings.STORE_END_USERS in ("hash", "plain", "off"):
        return []
    return [
        checks.Error(
            f"STORE_END_USERS is {settings.STORE_END_USERS!r}, which is none of hash, plain and off.",
            hint="Set STORE_END_USERS=hash to tell end users apart in usage rows without their names.",
            id="gateway.E009",
        )
    ]


def limits(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E006: A limit that nothing could keep to, or an address that is none."""
    found = [
        f"{name} is {value}, but must be more than 0."
        for name in _POSITIVE
        if not (value := getattr(settings, name)) > 0
    ]
    found += [
        f"{name} is {value}, but must be 0 or more."
        for name in _NOT_NEGATIVE
        if not (value := getattr(settings, name)) >= 0
    ]
    if settings.LIMIT_INPUT_TOKENS not in ("uncached", "all"):
        found.append(f"LIMIT_INPUT_TOKENS is {settings.LIMIT_INPUT_TOKENS!r}, which is neither uncached nor all.")
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
    """gateway.E016: A misspelt value would serve no pages. gateway.W017: Pages in the processes of a busy gateway."""
    if settings.PAGES not in ("inline", "apart"):
        return [
            checks.Error(
                f"PAGES is {settings.PAGES!r}, which is neither inline nor apart.",
                hint="Set PAGES=apart for pages with a process of their own behind a web server, otherwise inline.",
                id="gateway.E016",
            )
        ]
    if not databases or settings.DEBUG or settings.PAGES == "apart":
        return []
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


def register_all() -> None:
    """Registers the checks with Django; the one that queries the database only runs where databases are given."""
    checks.register(encryption_key, checks.Tags.security)
    checks.register(debug_in_public, checks.Tags.security)
    checks.register(custom_router)
    checks.register(revoked_keys, checks.Tags.security)
    checks.register(end_users, checks.Tags.security)
    checks.register(quota_probe)
    checks.register(budgets)
    checks.register(limits)
    checks.register(mail)
    checks.register(pages)
    checks.register(store_checks.redis)
    checks.register(provider_enabled, checks.Tags.database)
    checks.register(credential_variables, checks.Tags.database)
    checks.register(plain_headers, checks.Tags.database)
    checks.register(store_checks.several_places, checks.Tags.database)
