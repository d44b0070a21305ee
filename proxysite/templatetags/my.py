"""Tags of the pages at /my/: times, and labels of states."""

from __future__ import annotations

from datetime import datetime

from django import template

from access.models import IncreaseRequest
from usage.budgets.increases import bound_of_request as bound_of
from usage.reports import times
from usage.reports.formatting import UNKNOWN

register = template.Library()

_STATES = {"active": "success", "revoked": "danger", "expired": "warning"}


@register.simple_tag
def when(moment: datetime | None, never: str = "") -> str:
    """A time as everywhere, see usage/reports/times.py; `never` is what stands where there is none."""
    return times.when(moment) or never or UNKNOWN


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
