"""Client keys: creates them, and authenticates callers by theirs. Knows no HTTP and no database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, Protocol

import msgspec

from access.addresses import Network, parsed
from access.allowances.budgets import BudgetRecord
from access.allowances.limits import LimitRecord
from access.key_format import PREFIX, is_ours, new_secret
from access.tags import Globs

SHOWN = len(PREFIX) + 4
"""How many characters of a key everybody may see who sees the key."""
_MOST_KEYS = 8
"""How many keys of one request are looked up; each costs a hash."""


class NewKey(msgspec.Struct, frozen=True):
    """A new key. `secret` is stored nowhere: show it once."""

    secret: str
    prefix: str
    hash: str

    def __repr__(self) -> str:
        return f"NewKey({self.prefix}…)"


class KeyEnd(Enum):
    """Why a client key is no longer in force."""

    DELETED = auto()
    REVOKED = auto()
    DISABLED = auto()
    EXPIRED = auto()
    REPLACED = auto()
    """The secret was rotated out, and its overlap is over."""
    TEAM_DISABLED = auto()
    OWNER_DISABLED = auto()
    OWNER_LEFT = auto()


class KeyRecord(msgspec.Struct, frozen=True):
    """A client key as requests need it. Times are POSIX seconds; `allowed_routes` is None for all routes, `networks`
    for all addresses.

    `owner_id` is None for a service key; `owner_end` says that the owner ended the key. `hash` is of the secret that
    the record is found by: until `replaced_at`, a rotated key is found by two.
    """

    id: int
    name: str
    prefix: str
    hash: str
    team_id: int
    team_name: str
    team_enabled: bool = True
    expires_at: float | None = None
    replaced_at: float | None = None
    revoked: bool = False
    disabled: bool = False
    allowed_routes: re.Pattern[str] | None = None
    networks: tuple[Network, ...] | None = None
    tags: tuple[str, ...] = ()
    client_tags: Globs = ()
    client_tags_count: bool = False
    shows_routing: bool = False
    owner_id: int | None = None
    owner_name: str = ""
    owner_end: KeyEnd | None = None
    budgets: tuple[BudgetRecord, ...] = ()
    """Those that bind the key, soft ones as well."""
    limits: tuple[LimitRecord, ...] = ()

    def may_use(self, route_name: str) -> bool:
        """Returns whether the key's allow-list has the route."""
        return self.allowed_routes is None or self.allowed_routes.fullmatch(route_name) is not None


class Bindings(Protocol):
    """What binds a client key that is not among those that were loaded."""

    def of(self, key: Any, /) -> tuple[tuple[BudgetRecord, ...], tuple[LimitRecord, ...]]:
        """Returns the budgets and limits of a ClientKey whose team and owner are there. No query."""


class Keys(dict[str, KeyRecord]):
    """Client keys by the hashes of their secrets. `any_format` says that some secrets have another format than ours,
    `bindings` what binds other keys: None where keys came without."""

    __slots__ = ("any_format", "bindings")

    def __init__(
        self, records: Iterable[KeyRecord] = (), *, any_format: bool = False, bindings: Bindings | None = None
    ) -> None:
        super().__init__((record.hash, record) for record in records)
        self.any_format = any_format
        self.bindings = bindings


class AccessDenied(Exception):
    """The caller is rejected; the message says why and what to do."""

    # An attribute would take an __init__ in Python, and a wrong key is to cost nothing.
    @property
    def message(self) -> str:
        """What the caller is told."""
        return str(self.args[0])

    @property
    def of_key(self) -> tuple[int, str] | None:
        """The id of the key that was sent, and why it is refused: a KeyEnd in small letters, or `address`. None for a
        key that nobody knows."""
        return (self.args[1], self.args[2]) if len(self.args) > 1 else None


class NotAuthenticated(AccessDenied):
    """The key is missing, unknown, revoked or expired."""


class NotPermitted(AccessDenied):
    """The key is valid but may not do this."""


NOTHING = NotAuthenticated("No client key was sent. Send it as `x-api-key: <key>` or `Authorization: Bearer <key>`.")
UNKNOWN = NotAuthenticated(
    "The client key is unknown. Check it for a typing mistake, or ask an administrator of this gateway for a key."
)
"""What is answered where no key was sent, and where one was that nobody knows."""


def new_key() -> NewKey:
    """Returns a new key with 256 bits of randomness."""
    secret = new_secret()
    return NewKey(secret=secret, prefix=secret[:SHOWN], hash=hash_key(secret))


def hash_key(secret: str) -> str:
    """Returns the SHA-256 as 64 hex digits; the secrets are random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def allowed_pattern(lines: str) -> re.Pattern[str] | None:
    """Returns one pattern for an allow-list of names and globs (one per line), or None for an empty list."""
    globs = [line.strip() for line in lines.splitlines() if line.strip()]
    if not globs:
        return None
    return re.compile("|".join(map(_expression, globs)), re.DOTALL)


def glob(pattern: str) -> re.Pattern[str]:
    """Returns a pattern for `fullmatch`, in which * stands for any characters; nothing else is special. To ignore case,
    pass both sides in lower case."""
    return re.compile(_expression(pattern), re.DOTALL)


def _expression(pattern: str) -> str:
    """Returns the regular expression of a glob.

    Clients choose the text, and leads may choose the pattern, so one with many stars must not be expensive: once a
    part is found, no other place for it is tried.
    """
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last


def presented(headers: Mapping[str, str]) -> list[str]:
    """Returns what may be a client key, header names in lower case: `x-api-key` first, then `Authorization`.

    Clients send both when they find two keys in their environment. Either header may hold the key alone or after
    `Bearer`, and several behind commas: that is how a header that was sent twice arrives.
    """
    found: list[str] = []
    for name in ("x-api-key", "authorization"):
        for value in headers.get(name, "").split(","):
            words = value.split()
            if len(words) == 2 and words[0].lower() == "bearer":
                found.append(words[1])
            elif len(words) == 1 and words[0].lower() != "bearer":
                found.append(words[0])
    return found[:_MOST_KEYS]


def caller(headers: Mapping[str, str], keys: Keys, now: float) -> KeyRecord | AccessDenied:
    """Returns the record of the first key presented that is in force; `now` is in POSIX seconds. If there is none,
    returns NotAuthenticated or NotPermitted, since to raise it costs more than all the rest; of known keys the first
    one says why.

    What has not the format of a key is not looked up. The look-up is by hash, so its time reveals nothing about any
    key.
    """
    # Hot: nearly every request has one word in one header, and a wrong key is to cost next to nothing.
    if "authorization" not in headers:
        alone = headers.get("x-api-key", "")
    else:
        alone = "" if "x-api-key" in headers else headers["authorization"].removeprefix("Bearer ")
    if alone and " " not in alone and "," not in alone:
        if is_ours(alone) or keys.any_format:
            found = _looked_up(alone, keys, now)
            if found is not None:
                return found
        return UNKNOWN if alone != "Bearer" else NOTHING
    refusal: AccessDenied | None = None
    sent = presented(headers)
    for secret in sent:
        if is_ours(secret) or keys.any_format:
            found = _looked_up(secret, keys, now)
            if isinstance(found, KeyRecord):
                return found
            refusal = refusal or found
    return refusal or (UNKNOWN if sent else NOTHING)


def _looked_up(secret: str, keys: Keys, now: float) -> KeyRecord | AccessDenied | None:
    """Returns the record of a key, or why it is not in force, or None for a key that does not exist."""
    record = keys.get(hash_key(secret))
    if record is None:
        return None
    end = end_of(record, now)
    return record if end is None else _refusal(record, end)


def end_of(record: KeyRecord | None, now: float) -> KeyEnd | None:
    """Returns why a key is not in force, None when it is; `record` is None for a key that does not exist."""
    if record is None:
        return KeyEnd.DELETED
    if record.revoked:
        return KeyEnd.REVOKED
    if record.disabled:
        return KeyEnd.DISABLED
    if record.expires_at is not None and record.expires_at <= now:
        return KeyEnd.EXPIRED
    if record.replaced_at is not None and record.replaced_at <= now:
        return KeyEnd.REPLACED
    return record.owner_end if record.team_enabled else KeyEnd.TEAM_DISABLED


def check_in_force(record: KeyRecord, now: float) -> None:
    """Raises NotAuthenticated for a key that never works again, NotPermitted for one that others can make work."""
    end = end_of(record, now)
    if end is not None:
        raise _refusal(record, end)


def from_address(record: KeyRecord, address: str) -> KeyRecord | NotPermitted:
    """Returns the record again, or NotPermitted if the key is not accepted from a client's address."""
    ip = parsed(address)
    if record.networks is not None and (ip is None or not any(ip in network for network in record.networks)):
        return NotPermitted(
            f"The client key {record.prefix}… is not accepted from {address or 'an unknown address'}. Send the request "
            "from one of its networks, or ask an administrator of this gateway to allow this address.",
            record.id,
            "address",
        )
    return record


_ENDED: Mapping[KeyEnd, tuple[type[AccessDenied], str]] = {
    KeyEnd.DELETED: (NotAuthenticated, "The client key {0.prefix}… was deleted. Ask an administrator for a new one."),
    KeyEnd.REVOKED: (NotAuthenticated, "The client key {0.prefix}… was revoked. Ask an administrator for a new one."),
    KeyEnd.EXPIRED: (NotAuthenticated, "The client key {0.prefix}… has expired. Ask an administrator for a new one."),
    KeyEnd.REPLACED: (
        NotAuthenticated,
        "The client key {0.prefix}… was rotated: use its new secret. Whoever rotated it has the secret.",
    ),
    KeyEnd.DISABLED: (
        NotPermitted,
        "The client key {0.prefix}… is disabled. Ask an administrator of this gateway to enable it.",
    ),
    KeyEnd.TEAM_DISABLED: (
        NotPermitted,
        "The team {0.team_name!r} is disabled. Ask an administrator of this gateway.",
    ),
    KeyEnd.OWNER_DISABLED: (
        NotPermitted,
        "The owner of the client key {0.prefix}… is disabled. Ask an administrator of this gateway.",
    ),
    KeyEnd.OWNER_LEFT: (
        NotPermitted,
        "The owner of the client key {0.prefix}… is no longer a member of the team {0.team_name!r}. "
        "Ask for a key of your own.",
    ),
}


def _refusal(record: KeyRecord, end: KeyEnd) -> AccessDenied:
    error, sentence = _ENDED[end]
    return error(sentence.format(record), record.id, end.name.lower())
