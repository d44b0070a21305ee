"""What is to be sent, and who sends it: one worker has the lease, and leases each message while it sends that one.

Two workers never send the same message while its lease lasts. A worker that dies after a message was sent and before
that was written leaves a lease that ends: the message is then sent a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from access.models import Lease
from access.outbox.models import Queued

logger = logging.getLogger("gateway.alerts")

LEASE_SECONDS = 60.0
"""How long a worker is the one that sends; it renews this before each message."""
MESSAGE_SECONDS = 120.0
"""How long a message belongs to the worker that sends it: longer than any channel takes."""
FIRST_PAUSE = 60.0
"""Seconds until a message is tried again; they double up to LONGEST_PAUSE."""
LONGEST_PAUSE = 3600.0
GIVE_UP = timedelta(days=1)
"""How long a message is tried."""
_NAME = "alerts"

Message = TypeVar("Message", bound=Queued)


def take_lease(holder: str) -> bool:
    """Returns whether `holder` is the one that watches and sends, from now on for LEASE_SECONDS.

    Raises django.db.Error.
    """
    now = timezone.now()
    until = now + timedelta(seconds=LEASE_SECONDS)
    if Lease.objects.filter(name=_NAME, holder=holder).update(until=until):
        return True
    lease = Lease.objects.filter(name=_NAME).first()
    if lease is None:
        try:
            with transaction.atomic():
                Lease.objects.create(name=_NAME, holder=holder, until=until)
        except IntegrityError:
            return False
        return True
    if lease.until > now:
        return False
    free = Lease.objects.filter(name=_NAME, until__lte=now)
    return bool(free.update(holder=holder, until=until))


def give_lease_back(holder: str) -> None:
    """Lets another worker take over at once."""
    Lease.objects.filter(name=_NAME, holder=holder).update(until=timezone.now())


def has_any(kinds: Sequence[type[Queued]]) -> bool:
    """Returns whether messages of these kinds wait to be sent, now or later. Raises django.db.Error."""
    tables = [kind._meta.db_table for kind in kinds]
    waiting = (f"EXISTS (SELECT 1 FROM {table} WHERE next_try_at IS NOT NULL)" for table in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(waiting)}")
        return bool(cursor.fetchone()[0])


def claim(holder: str, kind: type[Message]) -> Message | None:
    """Leases the message of a kind that has waited longest, and returns it; None when there is none to send now."""
    now = timezone.now()
    messages = kind._default_manager
    free = messages.filter(Q(lease_until=None) | Q(lease_until__lte=now), next_try_at__lte=now)
    for pk in free.order_by("next_try_at", "pk").values_list("pk", flat=True)[:10]:
        if free.filter(pk=pk).update(lease_until=now + timedelta(seconds=MESSAGE_SECONDS), leased_by=holder):
            return messages.get(pk=pk)
    return None


def sent(message: Queued) -> None:
    """Notes that a message was sent."""
    now = timezone.now()
    _end(message, sent_at=now, next_try_at=None, tries=message.tries + 1, error="")


def not_sent(message: Queued, why: str, *, for_good: bool = False) -> None:
    """Notes why a message was not sent and when it is tried again; gives it up after GIVE_UP, or at once `for_good`."""
    now = timezone.now()
    pause = min(FIRST_PAUSE * 2.0**message.tries, LONGEST_PAUSE)
    next_try_at: datetime | None = now + timedelta(seconds=pause)
    failed_at = None
    if for_good or now + timedelta(seconds=pause) > _began(message) + GIVE_UP:
        next_try_at, failed_at = None, now
        kind = str(message._meta.verbose_name)
        fields = {"message": message.pk, "kind": kind, "tries": message.tries + 1, "cause": why}
        logger.error("a message was given up: it could not be sent", extra={"fields": fields})
    _end(message, next_try_at=next_try_at, failed_at=failed_at, tries=message.tries + 1, error=why[:200])


def send_again(message: Queued) -> bool:
    """Lets a message that was given up be tried for another day; returns False for any other."""
    failed = type(message)._default_manager.filter(pk=message.pk, failed_at__isnull=False)
    return bool(failed.update(next_try_at=timezone.now(), failed_at=None, tries=0, again_at=timezone.now()))


def _began(message: Queued) -> datetime:
    return message.again_at or message.created_at


def _end(message: Queued, **fields: object) -> None:
    # A worker whose lease ended meanwhile leaves the message to the one that has it now.
    mine = type(message)._default_manager.filter(pk=message.pk, leased_by=message.leased_by)
    mine.update(lease_until=None, **fields)
