"""The rows between workers and whoever looks. A look lasts `LOOK` seconds; whoever goes on looking renews it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from routing.loading import revision
from routing.models import Signal
from usage.live.models import Cut, LiveSample
from usage.live.streams import Sample, Stream, decode, encode

LOOK = 15.0
RENEW = 5.0
"""Seconds between two renewals."""
GONE = 5.0
"""Seconds without a new sample after which a worker is taken for gone."""
# As SQL: Django takes several times as long to make it as the database to follow it.
_WRITE = (
    f"INSERT INTO {LiveSample._meta.db_table} (worker, at, streams) VALUES (%s, %s, %s) "  # noqa: S608
    "ON CONFLICT (worker) DO UPDATE SET at = excluded.at, streams = excluded.streams"
)
_READ = f"SELECT worker, at, streams FROM {LiveSample._meta.db_table}"  # noqa: S608
_WAIT, _STEP = 3.0, 0.1
_FRESH = timedelta(minutes=1)
_ABANDONED = timedelta(minutes=10)
_CUTS_KEPT = timedelta(days=1)
_CUT_WITHIN = timedelta(minutes=1)
"""How old a wish may be: a worker whose database was away does not follow one that nobody remembers."""


def look() -> None:
    """Asks all workers for samples, for `LOOK` seconds from when they notice."""
    revision.signal(Signal.Name.LIVE)


def write(worker: str, sample: Sample) -> None:
    """Writes what a worker's streams are now."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [worker, now, encode(sample)])


def forget(worker: str) -> None:
    """Removes the row of a worker, and those of workers that died long ago."""
    LiveSample.objects.filter(worker=worker).delete()
    LiveSample.objects.filter(at__lt=timezone.now() - _ABANDONED).delete()


def samples() -> dict[str, tuple[object, Sample]]:
    """Returns what each worker wrote last: worker -> when, as the database has it, to be compared alone, and what."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return {worker: (at, decode(bytes(streams))) for worker, at, streams in cursor.fetchall()}


def running(identity: UUID) -> Stream | None:
    """Returns a stream as a worker told of it in the last minute, None where none does. Waits up to three seconds."""
    stream = _sampled(identity)
    if stream is None:
        look()
    until = time.monotonic() + _WAIT
    while stream is None and time.monotonic() < until:
        time.sleep(_STEP)
        stream = _sampled(identity)
    return stream


def _sampled(identity: UUID) -> Stream | None:
    since = timezone.now() - _FRESH
    found = (
        stream
        for streams in LiveSample.objects.filter(at__gt=since).values_list("streams", flat=True)
        for stream in decode(bytes(streams)).running
    )
    return next((stream for stream in found if stream.id == str(identity)), None)


def ask_to_cut(identity: UUID) -> Cut:
    """Asks the worker that has the stream to cut it, when the caller's transaction ends."""
    Cut.objects.filter(asked_at__lt=Now() - _CUTS_KEPT).delete()
    asked = Cut.objects.create(request_log_id=identity, asked_at=Now())
    revision.signal(Signal.Name.CUT)
    return asked


def wait_for_cut(asked: Cut) -> bool:
    """Returns whether a worker has cut the stream, within three seconds."""
    until = time.monotonic() + _WAIT
    while not Cut.objects.filter(pk=asked.pk, done_at__isnull=False).exists():
        if time.monotonic() >= until:
            return False
        time.sleep(_STEP)
    return True


def to_cut() -> Iterator[tuple[int, UUID]]:
    """Returns the cuts that no worker has made yet: ids of the row and of the request."""
    asked = Cut.objects.filter(done_at=None, asked_at__gt=Now() - _CUT_WITHIN)
    return iter(list(asked.values_list("pk", "request_log_id")))


def have_cut(numbers: list[int]) -> None:
    """Notes that these cuts were made."""
    Cut.objects.filter(pk__in=numbers).update(done_at=Now())
