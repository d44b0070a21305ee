"""Tags of the pages at /my/: times, and labels of states."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html

from access.models import IncreaseRequest
from usage.budgets.increases import bound_of_request as bound_of
from usage.reports.formatting import UNKNOWN

register = template.Library()

_STATES = {"active": "success", "revoked": "danger", "expired": "warning"}


@register.simple_tag
def when(moment: datetime | None, never: str = "") -> str:
    """A time, near ones as their distance, with the exact time on hover."""
    if moment is None:
        return never or UNKNOWN
    local = timezone.localtime(moment, timezone.get_default_timezone())
    exact = f"{local:%Y-%m-%d %H:%M:%S}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, _near(local))


def _near(moment: datetime) -> str:
    past = timezone.now() - moment
    if not timedelta(0) <= past < timedelta(hours=24):
        return f"{moment:%Y-%m-%d %H:%M}"
    minutes = int(past.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 60 else f"{minutes // 60} h ago"


@register.filter
def whose_budget(row: IncreaseRequest) -> str:
    """Whose budget a request for more is about: `of team Blue`."""
    return bound_of(row).label


@register.filter
def state_variant(state: str) -> str:
    """The colour of a key's state."""
    return _STATES.get(state, "warning")


@register.filter
def of(mapping: dict[str, str], name: str) -> str:
    """An entry of a mapping."""
    return mapping.get(name, "")
