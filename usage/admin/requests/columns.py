"""What a list shows of each row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.urls import reverse
from django.utils import timezone

from access.permissions import Person, may
from providers.models import Provider
from usage.models import Outcome
from usage.reports import ending, formatting
from usage.reports.rows.filters import REQUESTS, Kind

_DOTS: Final = {"success": "good", "danger": "bad", "warning": "near", "info": "left"}
"""The class of a list's dot, of a label's variant."""
_TOKENS: Final = {
    "cache_read_tokens": ("read from cache", "read"),
    "cache_write_tokens": ("written to cache", "write"),
    "input_tokens": ("new input", "new"),
    "output_tokens": ("output", "out"),
}
_OUTPUT = "output_tokens"
_SHARED = (
    "id", "started_at", "outcome", "http_status", "error_type", "error_code", "sentence_code", "provider_id",
    "provider_name", "model_name", *_TOKENS, "estimated", "cost", "time_to_first_token_ms", "duration_ms",
)  # fmt: skip
_OF_REQUESTS = (
    "team_id", "team_name", "key_id", "key_name", "owner_id", "owner_name", "route_name", "request_model",
    "session_id", "attempts",
)  # fmt: skip
_OF_ATTEMPTS = ("request_log_id", "number", "credential_name", "reported_model")


class Shown(msgspec.Struct, frozen=True):
    """One row of a list, formatted. URLs are "" where whoever looks may not follow them."""

    url: str
    sheet_url: str
    moment: str
    ago: str
    clock: str
    outcome: str
    color: str
    reason: str
    who: str
    who_url: str
    who_more: str
    what: str
    what_more: str
    is_demo: bool
    bar: list[tuple[str, float]]
    tokens: str
    tokens_full: str
    cost: str
    cost_full: str
    first: str
    total: str
    attempts: int
    session: str = ""


def columns(kind: Kind) -> tuple[str, ...]:
    """Returns the columns that a list reads."""
    return (*_SHARED, *(_OF_REQUESTS if kind is REQUESTS else _OF_ATTEMPTS))


def shown(kind: Kind, rows: Iterable[Any], person: Person) -> list[Shown]:
    """Returns rows as a list shows them to somebody."""
    sees_requests = may(person, "usage.view_requestlog")
    sees_own = sees_requests if kind is REQUESTS else may(person, "usage.view_attemptlog")
    demos = set(Provider.objects.filter(is_demo=True).values_list("pk", flat=True))
    now, zone = timezone.now(), timezone.get_default_timezone()
    found = [_shown(kind, row, demos, now, row.started_at.astimezone(zone)) for row in rows]
    if not sees_requests:
        found = [msgspec.structs.replace(one, sheet_url="", who_url="") for one in found]
    return found if sees_own else [msgspec.structs.replace(one, url="") for one in found]


def _shown(kind: Kind, row: Any, demos: set[int], now: datetime, started: datetime) -> Shown:
    is_request = kind is REQUESTS
    request = row.pk if is_request else row.request_log_id
    counts = [(name, getattr(row, name)) for name in _TOKENS]
    known = [(name, count) for name, count in counts if count]
    total = sum(count for _, count in known)
    prompt = [count for name, count in counts if name != _OUTPUT and count is not None]
    exact = "" if row.cost is None else f"${row.cost.normalize() if row.cost else Decimal(0):f}"
    seconds = (now - started).total_seconds()
    parts = ", ".join(f"{formatting.count(count)} {_TOKENS[name][0]}" for name, count in counts if count is not None)
    return Shown(
        url=reverse(f"admin:usage_{kind.model._meta.model_name}_change", args=[row.pk]),
        sheet_url=reverse("admin:usage_requestlog_sheet", args=[request]),
        moment=started.isoformat(timespec="milliseconds"),
        ago=formatting.ago(seconds) if seconds < 86_400 else f"{started:%Y-%m-%d}",
        clock=f"{started:%H:%M:%S}",
        outcome=row.get_outcome_display(),
        color=_DOTS[ending.VARIANTS[Outcome(row.outcome)]],
        reason=_reason(row),
        who=row.key_name if is_request else f"attempt {row.number}",
        who_url="" if is_request else reverse("admin:usage_requestlog_change", args=[request]),
        who_more=row.team_name if is_request else row.credential_name,
        what=_asked(row) if is_request else row.model_name,
        what_more=row.provider_name,
        is_demo=row.provider_id in demos,
        bar=[(_TOKENS[name][1], 100 * count / total) for name, count in known],
        tokens=f"{formatting.tokens(sum(prompt) if prompt else None)} / {formatting.tokens(row.output_tokens)}",
        tokens_full=f"{parts}, estimated" if row.estimated else parts or "The provider reported no tokens.",
        cost=formatting.dollars_in_column(row.cost),
        cost_full=exact or "The cost is unknown.",
        first=formatting.milliseconds(row.time_to_first_token_ms),
        total=formatting.milliseconds(row.duration_ms),
        attempts=row.attempts if is_request else 0,
        session=row.session_id if is_request else "",
    )


def _reason(row: Any) -> str:
    if row.outcome == Outcome.COMPLETED:
        return ""
    status = f"{row.http_status} " if row.http_status else ""
    return f"{status}{row.sentence_code or row.error_code or row.error_type}".strip().replace("_", " ")


def _asked(row: Any) -> str:
    route = row.route_name or row.request_model
    return f"{route} → {row.model_name}" if row.model_name and row.model_name != route else route
