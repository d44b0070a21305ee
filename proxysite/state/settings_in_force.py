"""The settings in force, as people may see them: no secret, and addresses without what is in front of their host.

A setting whose value is not known to be harmless is only `set` or `not set`: a new one is among those by itself.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from django.conf import settings

from proxysite.settings import env

_TEXTS: Final = frozenset(
    {
        *("DATA_DIR", "EXPORT_DIR", "JOURNAL_DIR", "JOURNAL_FSYNC", "LIMIT_INPUT_TOKENS", "PAGES", "REDIS_PREFIX"),
        *("CUSTOM_ROUTER", "DISABLED_ROUTES", "QUOTA_PROBE", "UNACCOUNTED", "UNPRICED_MODELS", "UNREADABLE_BUDGETS"),
        "UPSTREAM_TRANSPORT",
        *(
            "REVOKED_KEYS",
            "STORE_END_USERS",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "TIME_ZONE",
            "TRUSTED_PROXIES",
            "ALERT_THRESHOLDS",
        ),
        *("CREDENTIAL_VARIABLES", "MACHINE_IDENTITY_HOSTS", "DEFAULT_FROM_EMAIL", "ALLOWED_HOSTS"),
    }
)
"""Texts and lists of texts that are shown as they are."""
_ADDRESSES: Final = frozenset({"PUBLIC_URL", "REDIS_URL", "CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"})
_HOST = re.compile(r"(?:[A-Za-z0-9_.*-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
NOT_SHOWN: Final = "set"
NOT_SET: Final = "not set"


class Setting(msgspec.Struct, frozen=True):
    """A setting with what may be seen of its value, and whether that differs from the default."""

    name: str
    value: str
    changed: bool


def in_force() -> list[Setting]:
    """Returns every setting that this process read, in the order of their names."""
    return [
        Setting(name, shown(name, value), _differs(value, default))
        for name, (value, default) in sorted(env.read.items())
    ]


def shown(name: str, value: Any) -> str:
    """Returns what may be seen of a setting's value."""
    if name == "DATABASE_URL":
        return database()
    if name == "EMAIL_URL":
        return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}" if value else NOT_SET
    if value in ("", None, [], ()):
        return NOT_SET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value}"
    several = list(value) if isinstance(value, list | tuple) else [value]
    if name in _TEXTS:
        return ", ".join(map(str, several))
    if name in _ADDRESSES:
        return ", ".join(address(str(one)) for one in several)
    return NOT_SHOWN


def address(url: str) -> str:
    """Returns scheme and host of an address: nothing before the host, which may be a password, and nothing behind."""
    scheme, found, rest = url.partition("://")
    if not found:
        return url if url == "*" else NOT_SHOWN
    ends = min((rest.index(sign) for sign in "?#" if sign in rest), default=len(rest))
    if "@" in rest[ends:]:
        # A password with such a sign in it: where it ends nobody can tell.
        return NOT_SHOWN
    host = rest[:ends].rpartition("@")[2].partition("/")[0]
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else NOT_SHOWN


def database() -> str:
    """Returns where the database is: the file, or the server's address and the database's name."""
    found = settings.DATABASES["default"]
    if found["ENGINE"].endswith("sqlite3"):
        return f"SQLite, {found['NAME']}"
    host, port = found.get("HOST") or "local socket", found.get("PORT")
    return f"PostgreSQL at {host}{f':{port}' if port else ''}, database {found['NAME']}"


def _differs(value: Any, default: Any) -> bool:
    return bool(value != default) and not (value in ("", None, []) and default in ("", None, []))
