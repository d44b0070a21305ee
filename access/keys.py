"""Client keys: creates them, and authenticates callers by theirs. Knows no HTTP and no database."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from enum import Enum, auto

import msgspec

PREFIX = "sk-px-"
_SHOWN = len(PREFIX) + 4
_MOST_KEYS = 8
"""How many keys of one request are looked up; each costs a hash."""


class NewKey(msgspec.Struct, frozen=True):
    """A new key. `secret` is stored nowhere: show it once."""

    secret: str
    prefix: str
    hash: str

    def __repr__(self) -> str:
        return f"NewKey({self.prefix}…)"


class KeyRecord(msgspec.Struct, frozen=True):
    """A client key as requests need it. Times are POSIX seconds; `allowed_routes` is None for all routes."""

    id: int
    name: str
    prefix: str
    hash: str
    team_id: int
    team_name: str
    team_enabled: bool = True
    expires_at: float | None = None
    revoked: bool = False
    allowed_routes: re.Pattern[str] | None = None
    tags: tuple[str, ...] = ()
    shows_routing: bool = False

    def may_use(self, route_name: str) -> bool:
        """Returns whether the key's allow-list has the route."""
        return self.allowed_routes is None or self.allowed_routes.fullmatch(route_name) is not None


class KeyEnd(Enum):
    """Why a client key is no longer in force."""

    DELETED = auto()
    REVOKED = auto()
    EXPIRED = auto()
    TEAM_DISABLED = auto()


class AccessDenied(Exception):
    """The caller is rejected; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotAuthenticated(AccessDenied):
    """The key is missing, unknown, revoked or expired."""


class NotPermitted(AccessDenied):
    """The key is valid but may not do this."""


def new_key() -> NewKey:
    """Returns a new key with 192 bits of randomness."""
    secret = PREFIX + secrets.token_urlsafe(24)
    return NewKey(secret=secret, prefix=secret[:_SHOWN], hash=hash_key(secret))


def hash_key(secret: str) -> str:
    """Returns the SHA-256 as 64 hex digits; the secrets are random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def allowed_pattern(lines: str) -> re.Pattern[str] | None:
    """Returns one pattern for an allow-list of names and globs (one per line), or None for an empty list."""
    globs = [line.strip() for line in lines.splitlines() if line.strip()]
    if not globs:
        return None
    return re.compile("|".join(".*".join(map(re.escape, glob.split("*"))) for glob in globs))


def presented(headers: Mapping[str, str]) -> list[str]:
    """Returns what may be a client key, header names in lower case: `x-api-key` first, then `Authorization`.

    Clients send both when they find two keys in their environment. Either header may hold the key alone or after
    `Bearer`, and several behind commas: that is how a header that was sent twice arrives.
    """
    found = []
    for name in ("x-api-key", "authorization"):
        for value in headers.get(name, "").split(","):
            words = value.split()
            if len(words) == 2 and words[0].lower() == "bearer":
                found.append(words[1])
            elif len(words) == 1 and words[0].lower() != "bearer":
                found.append(words[0])
    return found[:_MOST_KEYS]


def authenticate(headers: Mapping[str, str], keys: Mapping[str, KeyRecord], now: float) -> KeyRecord:
    """Returns the record of the first key presented that is in force. `keys` is by hash, `now` in POSIX seconds.

    The look-up is by hash, so its time reveals nothing about any key.
    Raises NotAuthenticated, or NotPermitted if the key's team is disabled; of known keys the first one says why.
    """
    sent = presented(headers)
    refusal: AccessDenied | None = None
    for secret in sent:
        record = keys.get(hash_key(secret))
        if record is None:
            continue
        try:
            check_in_force(record, now)
        except AccessDenied as error:
            refusal = refusal or error
        else:
            return record
    if refusal is not None:
        raise refusal
    if not sent:
        raise NotAuthenticated(
            "No client key was sent. Send it as `x-api-key: <key>` or `Authorization: Bearer <key>`."
        )
    raise NotAuthenticated("The client key is unknown. Ask an administrator of this gateway for a key.")


def end_of(record: KeyRecord | None, now: float) -> KeyEnd | None:
    """Returns why a key is not in force, None when it is; `record` is None for a key that does not exist."""
    if record is None:
        return KeyEnd.DELETED
    if record.revoked:
        return KeyEnd.REVOKED
    if record.expires_at is not None and record.expires_at <= now:
        return KeyEnd.EXPIRED
    return None if record.team_enabled else KeyEnd.TEAM_DISABLED


def check_in_force(record: KeyRecord, now: float) -> None:
    """Raises NotAuthenticated for a key that is revoked or expired, NotPermitted if its team is disabled."""
    if record.revoked:
        raise NotAuthenticated(f"The client key {record.prefix}… was revoked. Ask an administrator for a new one.")
    if record.expires_at is not None and record.expires_at <= now:
        raise NotAuthenticated(f"The client key {record.prefix}… has expired. Ask an administrator for a new one.")
    if not record.team_enabled:
        raise NotPermitted(f"The team {record.team_name!r} is disabled. Ask an administrator of this gateway.")
