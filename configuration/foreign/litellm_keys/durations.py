"""Which period of a budget here is one of LiteLLM's durations: only those that reset at the same instants.

LiteLLM resets `1d` and `24h` at midnight, `7d` on Monday, `30d` and `1mo` on the first of the month, in a time zone
that is UTC where none is set. Every other duration has no period here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from access.allowances.models import Budget

_PERIODS = {
    "": Budget.Period.TOTAL,
    "1d": Budget.Period.DAY,
    "24h": Budget.Period.DAY,
    "7d": Budget.Period.WEEK,
    "1w": Budget.Period.WEEK,
    "30d": Budget.Period.MONTH,
    "1mo": Budget.Period.MONTH,
}
_THIRTY_DAYS = "30d"
_NO_DURATION = ("none", "null")
"""What LiteLLM's pages wrote for none."""
_EASTERNMOST = timedelta(hours=14)
"""The largest offset of a time zone from UTC."""


def period_of(duration: str) -> str | None:
    """Returns the period, or None for a duration that no period here equals."""
    return _PERIODS.get(_plain(duration))


def of_thirty_days(duration: str, resets_at: datetime | None) -> str:
    """Returns what to report of a budget of 30 days, or "" for another duration."""
    if _plain(duration) != _THIRTY_DAYS:
        return ""
    if resets_at is not None and 1 not in (resets_at.day, (resets_at + _EASTERNMOST).day):
        return f"30d is the calendar month here; LiteLLM would have reset it on {resets_at:%Y-%m-%d}"
    return "30d is the calendar month, as LiteLLM resets it"


def _plain(duration: str) -> str:
    plain = "".join(duration.lower().split())
    return "" if plain in _NO_DURATION else plain
