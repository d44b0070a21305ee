"""System checks of single settings: one of several values, a number within bounds, a list of addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.core import checks

from access.addresses import networks


class _Choice(NamedTuple):
    """A setting with the values that it may have; `hint` says what to set, and what the other values are for."""

    name: str
    values: tuple[str, ...]
    check: str
    hint: str


_CHOICES = (
    # The code compares with one of the values alone: a misspelt one would be as the other, and nobody would know.
    _Choice(
        "REVOKED_KEYS",
        ("cut", "finish"),
        "gateway.E008",
        "Set REVOKED_KEYS=cut to end the running answers of revoked keys, otherwise finish.",
    ),
    _Choice(
        "STORE_END_USERS",
        ("hash", "plain", "off"),
        "gateway.E009",
        "Set STORE_END_USERS=hash to tell end users apart in usage rows without their names.",
    ),
    _Choice(
        "QUOTA_PROBE",
        ("answer", "forward"),
        "gateway.E012",
        "Set QUOTA_PROBE=answer to answer Claude Code's quota probe without a provider, otherwise forward.",
    ),
    _Choice(
        "UNPRICED_MODELS",
        ("refuse", "serve"),
        "gateway.E015",
        "Set UNPRICED_MODELS=serve to serve models without a price to keys with a hard budget too, otherwise refuse.",
    ),
    _Choice(
        "UNREADABLE_BUDGETS",
        ("refuse", "serve"),
        "gateway.E015",
        "Set UNREADABLE_BUDGETS=serve to serve requests whose budgets cannot be read to keys with a hard budget too, "
        "otherwise refuse.",
    ),
    _Choice(
        "PAGES",
        ("inline", "apart"),
        "gateway.E016",
        "Set PAGES=apart for pages with a process of their own behind a web server, otherwise inline.",
    ),
    _Choice(
        "UNACCOUNTED",
        ("refuse", "serve"),
        "gateway.E018",
        "Set UNACCOUNTED=serve to answer without a usage row while neither journal nor database can be written, "
        "otherwise refuse.",
    ),
    _Choice(
        "DISABLED_ROUTES",
        ("refuse", "default"),
        "gateway.E018",
        "Set DISABLED_ROUTES=default to treat the name of a route that is switched off as an unknown name, otherwise "
        "refuse.",
    ),
    _Choice(
        "JOURNAL_FSYNC",
        ("interval", "always"),
        "gateway.E018",
        "Set JOURNAL_FSYNC=always to flush the journal before every request and at its end, otherwise interval.",
    ),
    _Choice(
        "UPSTREAM_TRANSPORT",
        ("wire", "aiohttp"),
        "gateway.E018",
        "Set UPSTREAM_TRANSPORT=aiohttp to call providers through aiohttp, otherwise wire.",
    ),
    _Choice(
        "LIMIT_INPUT_TOKENS",
        ("uncached", "all"),
        "gateway.E006",
        "Set LIMIT_INPUT_TOKENS=all to count input that was read from the cache too, otherwise uncached.",
    ),
)
_POSITIVE = (
    *("MAX_BODY_BYTES", "MAX_JSON_DEPTH", "MAX_JSON_VALUES", "MAX_HEADER_BYTES", "MAX_HEADERS"),
    *("HEADER_SECONDS", "BODY_SECONDS", "IDLE_SECONDS", "SEND_SECONDS", "PING_SECONDS", "EMPTY_DELTA_SECONDS"),
    *("MAX_CONNECTIONS_PER_ADDRESS", "MAX_REQUESTS_PER_KEY", "MAX_BODIES_BYTES", "MAX_BODIES_BYTES_PER_KEY"),
    *("JOURNAL_MAX_BYTES", "ADOPT_SECONDS", "WORKERS", "CUSTOM_ROUTER_TIMEOUT", "CIRCUIT_FAILURES", "CIRCUIT_SECONDS"),
    *("BUDGET_SLICE_TOKENS", "LIVE_CHECK_SECONDS"),
)
_LONGEST_LINGER = 1.5
"""A row is in the database within two seconds."""
_NOT_NEGATIVE = (
    *("MIN_BODY_RATE", "REFUSED_KEYS_PER_MINUTE", "LONGEST_LIMIT_WAIT", "RETRY_AFTER_LIMIT", "HOLD_BACK_SECONDS"),
    *("DRAIN_DELAY", "DRAIN_DEADLINE", "USAGE_LINGER", "MAX_STALE", "SESSION_IDLE_SECONDS", "SESSION_MAX_SECONDS"),
)


def choices(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E006, E008, E009, E012, E015, E016, E018: A setting that has none of its values."""
    return [
        checks.Error(f"{name} is {value!r}, which is {_none_of(values)}.", hint=hint, id=check)
        for name, values, check, hint in _CHOICES
        if (value := getattr(settings, name)) not in values
    ]


def _none_of(values: tuple[str, ...]) -> str:
    if len(values) == 2:
        return f"neither {values[0]} nor {values[1]}"
    return f"none of {', '.join(values[:-1])} and {values[-1]}"


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
    if not settings.SECURE_HSTS_SECONDS >= 0:
        found.append(f"HSTS_SECONDS is {settings.SECURE_HSTS_SECONDS}, but must be 0 or more.")
    if settings.USAGE_LINGER > _LONGEST_LINGER:
        found.append(f"USAGE_LINGER is {settings.USAGE_LINGER}, but must be {_LONGEST_LINGER} or less.")
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
