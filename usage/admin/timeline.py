"""The attempts of one request, placed on the request's own time axis."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from providers.fidelity import EXPLANATIONS
from providers.models import Provider
from usage.models import AttemptLog, RequestLog


class TimelineAttempt(msgspec.Struct, frozen=True):
    """One attempt: its start in milliseconds after the request's, and start and length in percent of the request.

    `fidelity` lists what its translation dropped, changed or emulated: codes with their explanations. `answered_by` is
    the model that the provider named, where it is not the one that was asked.
    """

    row: AttemptLog
    after_ms: int
    left: float
    width: float
    fidelity: tuple[tuple[str, str], ...] = ()
    answered_by: str = ""


_EXPLANATIONS: dict[str, str] = {code.value: text for code, text in EXPLANATIONS.items()}


def explained(codes: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Returns each fidelity code with its explanation, which is empty for a code that this version does not know."""
    return tuple((code, _EXPLANATIONS.get(code, "")) for code in codes or ())


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


def timeline(request_log_id: str) -> list[TimelineAttempt]:
    """Returns the attempts of a request in order, or nothing for an invalid or unknown id."""
    try:
        identity = UUID(request_log_id)
    except ValueError:
        return []
    request = RequestLog.objects.filter(pk=identity).only("started_at", "duration_ms").first()
    attempts = list(with_demo_mark(AttemptLog.objects.filter(request_log_id=identity)).order_by("number"))
    if request is None or not attempts:
        return []
    offsets = [max(0, round((a.started_at - request.started_at).total_seconds() * 1000)) for a in attempts]
    ends = [offset + (a.duration_ms or 0) for offset, a in zip(offsets, attempts, strict=True)]
    length = max(request.duration_ms or 0, *ends, 1)
    return [
        TimelineAttempt(
            row=attempt,
            after_ms=offset,
            left=min(99.0, round(100 * offset / length, 2)),
            width=max(1.0, min(100.0, round(100 * (attempt.duration_ms or 0) / length, 2))),
            fidelity=explained(attempt.fidelity),
            answered_by=other_model(attempt),
        )
        for offset, attempt in zip(offsets, attempts, strict=True)
    ]
