"""The attempts of one request, placed on the request's own time axis."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from providers.fidelity import Loss, losses
from providers.models import Provider
from usage.models import AttemptLog, RequestLog

_PARTS = (
    ("connect", "connecting", "time_to_connect_ms"),
    ("head", "until the head of the answer", "time_to_headers_ms"),
    ("think", "until the first token", "time_to_first_token_ms"),
    ("stream", "streaming", "duration_ms"),
)


class Part(msgspec.Struct, frozen=True):
    """What an attempt spent time on: start and length in percent of the request."""

    kind: str
    what: str
    left: float
    width: float
    ms: int


class TimelineAttempt(msgspec.Struct, frozen=True):
    """One attempt: its start in milliseconds after the request's, and what it spent its time on.

    `answered_by` is the model that the provider named, where it is not the one that was asked.
    """

    row: AttemptLog
    after_ms: int
    parts: tuple[Part, ...]
    fidelity: tuple[Loss, ...] = ()
    answered_by: str = ""


def other_model(attempt: AttemptLog) -> str:
    """Returns the model that the provider named, where it is another name than the one that was asked."""
    reported, asked = (name.removeprefix("models/") for name in (attempt.reported_model, attempt.model_name))
    return "" if reported == asked else attempt.reported_model


def with_demo_mark(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Annotates each row with `is_demo`: whether its provider is a demo."""
    marked: QuerySet[Any] = rows.annotate(
        is_demo=Exists(Provider.objects.filter(pk=OuterRef("provider_id"), is_demo=True))
    )
    return marked


def timeline(request: RequestLog) -> list[TimelineAttempt]:
    """Returns the attempts of a request in order."""
    attempts = list(with_demo_mark(AttemptLog.objects.filter(request_log_id=request.pk)).order_by("number"))
    offsets = [max(0, round((a.started_at - request.started_at).total_seconds() * 1000)) for a in attempts]
    ends = [offset + (a.duration_ms or 0) for offset, a in zip(offsets, attempts, strict=True)]
    length = max(request.duration_ms or 0, *ends, 1)
    return [
        TimelineAttempt(
            row=attempt,
            after_ms=offset,
            parts=_parts(attempt, offset, length),
            fidelity=losses(attempt.fidelity or (), attempt.dropped or {}),
            answered_by=other_model(attempt),
        )
        for offset, attempt in zip(offsets, attempts, strict=True)
    ]


def _parts(attempt: AttemptLog, offset: int, length: int) -> tuple[Part, ...]:
    """Parts whose end is unknown belong to the next one that is known; an attempt of no length is still seen."""
    known = [(kind, what, at) for kind, what, name in _PARTS if (at := getattr(attempt, name)) is not None]
    moments = [0]
    for _, _, at in known:
        moments.append(max(moments[-1], at))
    found = [
        Part(
            kind=kind,
            what=what,
            left=min(99.0, round(100 * (offset + start) / length, 2)),
            width=round(100 * (end - start) / length, 2),
            ms=end - start,
        )
        for (kind, what, _), (start, end) in zip(known, pairwise(moments), strict=True)
        if end > start
    ]
    if not found:
        return (Part("stream", "in all", min(99.0, round(100 * offset / length, 2)), 1.0, 0),)
    return tuple(found)
