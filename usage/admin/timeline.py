"""The attempts of one request on the request's own clock, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from django.db.models.expressions import BaseExpression

from usage.models import AttemptLog, RequestLog


class Try(msgspec.Struct, frozen=True):
    """One attempt: milliseconds after the request began, and the same and its length in percent of the request.

    `fidelity` is what its translation dropped, changed or emulated: codes with what each means.
    """

    row: AttemptLog
    after_ms: int
    left: float
    width: float
    fidelity: tuple[tuple[str, str], ...] = ()


def explained(codes: list[str] | None, explanations: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Each code with its explanation; one that this version does not know keeps its name alone."""
    return tuple((code, explanations.get(code, "")) for code in codes or ())


def timeline(request_log_id: str, is_demo: BaseExpression, explanations: Mapping[str, str]) -> list[Try]:
    """The attempts of a request in order, each marked with `is_demo`; empty for an id that is none."""
    try:
        identity = UUID(request_log_id)
    except ValueError:
        return []
    request = RequestLog.objects.filter(pk=identity).only("started_at", "duration_ms").first()
    attempts = list(AttemptLog.objects.filter(request_log_id=identity).annotate(is_demo=is_demo).order_by("number"))
    if request is None or not attempts:
        return []
    offsets = [max(0, round((a.started_at - request.started_at).total_seconds() * 1000)) for a in attempts]
    ends = [offset + (a.duration_ms or 0) for offset, a in zip(offsets, attempts, strict=True)]
    whole = max(request.duration_ms or 0, *ends, 1)
    return [
        Try(
            row=attempt,
            after_ms=offset,
            left=min(99.0, round(100 * offset / whole, 2)),
            width=max(1.0, min(100.0, round(100 * (attempt.duration_ms or 0) / whole, 2))),
            fidelity=explained(attempt.fidelity, explanations),
        )
        for offset, attempt in zip(offsets, attempts, strict=True)
    ]
