"""How a request ended, in a sentence, for the pages that show one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from usage.models import AttemptLog, Outcome, RequestLog
from usage.reports import formatting

VARIANTS: Final = {
    Outcome.COMPLETED: "success",
    Outcome.FAILED: "danger",
    Outcome.REFUSED: "warning",
    Outcome.CLIENT_CLOSED: "info",
    Outcome.INTERRUPTED: "danger",
}
"""The colour of an outcome's label on every page: a variant of Unfold's labels."""
_HOW = {
    Outcome.REFUSED: "Refused",
    Outcome.FAILED: "Failed",
    Outcome.INTERRUPTED: "Interrupted",
    Outcome.CLIENT_CLOSED: "The client left",
}


def sentence(row: RequestLog, attempts: Sequence[AttemptLog] = ()) -> str:
    """Returns how a request ended, what it cost, and which attempts failed before."""
    took = formatting.milliseconds(row.duration_ms)
    if row.outcome == Outcome.COMPLETED:
        by = f" by {row.model_name}" if row.model_name else " by the gateway itself"
        return f"Answered{by} in {took}{_after(attempts)}. {_cost(row)}"
    how = f"{_HOW[Outcome(row.outcome)]} after {took}"
    if row.outcome == Outcome.CLIENT_CLOSED:
        how += ", before the answer was complete"
    else:
        how += _tried(attempts)
    why = "" if row.outcome == Outcome.CLIENT_CLOSED else row.error_message or row.error_code or row.error_type
    text = f"{how}: {why}" if why else how
    return f"{text if text.endswith(('.', '!', '?')) else f'{text}.'} {_cost(row)}"


def failure(attempt: AttemptLog) -> str:
    """Returns what failed in an attempt: `529 (overloaded)`."""
    status = "" if attempt.http_status in (None, 200) else str(attempt.http_status)
    why = attempt.error_code or attempt.error_type
    if status and why:
        return f"{status} ({why})"
    return status or why or attempt.get_outcome_display().lower()


def _after(attempts: Sequence[AttemptLog]) -> str:
    failed = [attempt for attempt in attempts if attempt.outcome in (Outcome.FAILED, Outcome.INTERRUPTED)]
    if not failed:
        return ""
    first = f", after {failed[0].model_name} of {failed[0].provider_name} failed with {failure(failed[0])}"
    return first if len(failed) == 1 else f"{first}, and {len(failed) - 1} more"


def _tried(attempts: Sequence[AttemptLog]) -> str:
    return f" and {len(attempts)} attempts" if len(attempts) > 1 else ""


def _cost(row: RequestLog) -> str:
    if row.cost is None:
        no_provider = row.attempts == 0
        return "Not billed: no provider was called." if no_provider else "Its cost is unknown."
    if not row.cost:
        return "It cost nothing."
    cached = row.cache_read_cost
    of_which = f", of which cache read {formatting.dollars(cached)}" if cached else ""
    return f"It cost {formatting.dollars(row.cost)}{of_which}."
