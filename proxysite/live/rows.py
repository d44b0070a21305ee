"""The rows between workers and whoever looks. A look lasts `LOOK` seconds; whoever goes on looking renews it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from proxysite.live.samples import of_streams
from routing.loading import revision
from routing.models import Signal
from usage.live.models import Cut
from usage.live.streams import Sample, Stream, decode, encode

LOOK = 15.0
RENEW = 5.0
"""Seconds between two renewals."""
GONE = 5.0
"""Seconds without a new sample after which a worker is taken for gone."""
_WAIT, _STEP = 3.0, 0.1
_FRESH = timedelta(minutes=1)
_CUTS_KEPT = timedelta(days=1)
_CUT_WITHIN = timedelta(minutes=1)
"""How old a wish may be: a worker whose database was away does not follow one that nobody remembers."""


def look() -> None:
    """Asks all workers for samples, for `LOOK` seconds from when they notice."""
    revision.signal(Signal.Name.LIVE)


def write(worker: str, sample: Sample) -> None:
    """Writes what a worker's streams are now."""
    of_streams().write(worker, encode(sample))


def forget(worker: str) -> None:
    """Removes the row of a worker, and those of workers that died long ago."""
    of_streams().forget(worker)


def samples() -> dict[str, tuple[object, Sample]]:
    """Returns what each worker wrote last: worker -> when, as the database has it, to be compared alone, and what."""
    return {worker: (at, decode(content)) for worker, (at, content) in of_streams().read().items()}


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
    found = (stream for sample in of_streams().read(_FRESH).values() for stream in decode(sample[1]).running)
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
