"""Limits on sign-in attempts, counted in the database and so for all workers together.

Every attempt takes one from each of its limits before its password is looked at, so that attempts at the same time
cannot share one; a successful one gives it back. A limit allows a number at once and one more each interval (the
generic cell rate algorithm: one time per key). An attempt that is refused counts nowhere: nobody prolongs a wait.

* One account from one address, and one address for all accounts.
* One account from everywhere: slow guessing from many addresses. From an address that this account signed in from, it
  does not count, so that nobody is locked out by others.
* A device that this account signed in on before (access.sign_in.devices) has a limit of its own instead of these.
"""

from __future__ import annotations

import logging
import math
import time
import unicodedata

import msgspec
from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from access.models import SignInLimit

logger = logging.getLogger("gateway.sign_in")

KNOWN_SECONDS = 90 * 86_400
"""How long an address or a device stays known after a sign-in."""
_PRUNE_SECONDS = 600.0
_last_pruned = 0.0


class Limit(msgspec.Struct, frozen=True):
    """`at_once` attempts, and one more every `interval` seconds."""

    name: str
    at_once: int
    interval: float
    of: str = "sign-ins"

    @property
    def slack(self) -> float:
        """How far its time may lie ahead for another attempt to be allowed."""
        return (self.at_once - 1) * self.interval


DEVICE = Limit("device", 10, 60)
PAIR = Limit("account and address", 5, 120)
ADDRESS = Limit("address", 20, 30)
ACCOUNT = Limit("account", 50, 60)

LINK_PAIR = Limit("link for an account and address", 3, 600, "links to a new password")
LINK_ADDRESS = Limit("link for an address", 10, 60, "links to a new password")
LINK_ACCOUNT = Limit("link for an account", 10, 600, "links to a new password")
LINK_DEVICE = Limit("link for a device", 3, 600, "links to a new password")

INVITATION = Limit("invitation mails to an address", 5, 3600, "invitation mails to an address")


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in attempt that was allowed, with what it took: key -> limit."""

    account: str
    address: str
    taken: dict[str, Limit]
    known_device: bool


class TooManyAttempts(Exception):
    """The attempt is refused; `retry_after` is in whole seconds."""

    def __init__(self, limit: str, wait: float) -> None:
        super().__init__(f"limit on sign-ins by {limit}")
        self.limit = limit
        self.retry_after = max(1, math.ceil(wait))


def account_of(username: str) -> str:
    """Returns the form of a name under which all of its spellings are counted."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


def begin(username: str, address: str, device: str | None) -> Attempt:
    """Takes an attempt from its limits, and returns it. `device` is the id of a device known for this account.

    Raises TooManyAttempts.
    """
    _prune()
    account, now = account_of(username), time.time()
    if device is not None:
        own = {_key(DEVICE.name, account, device): DEVICE}
        if _take(own, now) is None:
            return Attempt(account, address, own, True)
        # A device without attempts left is one like any other.
    limits = {_key(PAIR.name, account, address): PAIR, _key(ADDRESS.name, address): ADDRESS}
    if not SignInLimit.objects.filter(key=_key("known", account, address), until__gt=now).exists():
        limits[_key(ACCOUNT.name, account)] = ACCOUNT
    refused = _take(limits, now)
    if refused is not None:
        raise TooManyAttempts(*refused)
    return Attempt(account, address, limits, False)


def succeeded(attempt: Attempt) -> None:
    """Gives back what the attempt took, forgets earlier failures of this account here, and knows its address."""
    with transaction.atomic(), connection.cursor() as cursor:
        for key, limit in sorted(attempt.taken.items()):
            if limit in (PAIR, DEVICE):
                SignInLimit.objects.filter(key=key).delete()
            else:
                cursor.execute(_GIVE_BACK, [limit.interval, key])
        known = SignInLimit(key=_key("known", attempt.account, attempt.address), until=time.time() + KNOWN_SECONDS)
        SignInLimit.objects.bulk_create([known], update_conflicts=True, unique_fields=["key"], update_fields=["until"])


def ask_for_link(name: str, address: str, device: str | None) -> None:
    """Takes one from the limits on links to a new password, which are counted like sign-ins and apart from them.

    Raises TooManyAttempts.
    """
    _prune()
    account = account_of(name)
    limits = {
        _key(LINK_PAIR.name, account, address): LINK_PAIR,
        _key(LINK_ADDRESS.name, address): LINK_ADDRESS,
        _key(LINK_ACCOUNT.name, account): LINK_ACCOUNT,
    }
    if device is not None:
        # Strangers use up nothing of a device that is known for the account.
        limits = {_key(LINK_DEVICE.name, account, device): LINK_DEVICE}
    refused = _take(limits, time.time())
    if refused is not None:
        raise TooManyAttempts(*refused)


def mail_invitation(address: str) -> None:
    """Takes one from the limit on mails with invitations to an address, whoever invites. Raises TooManyAttempts."""
    _prune()
    refused = _take({_key(INVITATION.name, account_of(address)): INVITATION}, time.time())
    if refused is not None:
        raise TooManyAttempts(*refused)


def invitation_not_sent(address: str) -> None:
    """Gives back what `mail_invitation` took for a mail that was not sent."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [INVITATION.interval, _key(INVITATION.name, account_of(address))])


class _Refused(Exception):
    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.name)
        self.limit = limit


def _take(limits: dict[str, Limit], now: float) -> tuple[str, float] | None:
    """Takes one from all limits or from none; returns the name and the wait of one that is used up."""
    # Reading first: attempts that are refused write nothing.
    if refused := _used_up(limits, now):
        return refused
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # In one order, so that transactions wait for each other and never in a circle.
            for key, limit in sorted(limits.items()):
                cursor.execute(
                    _TAKE[connection.vendor], [key, now + limit.interval, now, limit.interval, now + limit.slack]
                )
                row = cursor.fetchone()
                if row is None:
                    raise _Refused(limit)
                if row[0] > now + limit.slack:
                    logger.warning(f"limit on {limit.of} reached", extra={"fields": {"limit": limit.name}})
    except _Refused as refusal:
        return _used_up(limits, now) or (refusal.limit.name, refusal.limit.interval)
    return None


def _used_up(limits: dict[str, Limit], now: float) -> tuple[str, float] | None:
    times = dict(SignInLimit.objects.filter(key__in=limits).values_list("key", "until"))
    waits = [(limit.name, times.get(key, 0.0) - limit.slack - now) for key, limit in limits.items()]
    name, wait = max(waits, key=lambda one: one[1])
    return (name, wait) if wait > 0 else None


_TABLE = SignInLimit._meta.db_table
_TAKE = {
    vendor: f"INSERT INTO {_TABLE} AS used (key, until) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE "  # noqa: S608
    f"SET until = {greatest}(used.until, %s) + %s WHERE used.until <= %s RETURNING until"
    for vendor, greatest in (("sqlite", "max"), ("postgresql", "greatest"))
}
_GIVE_BACK = f"UPDATE {_TABLE} SET until = until - %s WHERE key = %s"  # noqa: S608


def _key(*parts: str) -> str:
    return salted_hmac("access.sign_in.limit", "\0".join(parts), algorithm="sha256").hexdigest()


def _prune() -> None:
    """Deletes rows that mean nothing any more, every ten minutes in a process where somebody signs in."""
    global _last_pruned
    if time.monotonic() - _last_pruned >= _PRUNE_SECONDS or not _last_pruned:
        _last_pruned = time.monotonic()
        with transaction.atomic():
            # Rows that an attempt is about to write are left to the next time: neither waits for the other.
            gone = SignInLimit.objects.filter(until__lt=time.time()).select_for_update(skip_locked=True)
            SignInLimit.objects.filter(pk__in=list(gone.values_list("pk", flat=True)[:10_000])).delete()
