"""Months in URLs: `month=2026-10`."""

from __future__ import annotations

from datetime import date

from django.http import Http404

from usage.statements import overview


def month_of(text: str) -> date:
    """Returns the first day of a month such as 2026-10, the last one where none is given. Raises Http404."""
    if not text:
        return overview.last_month()
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404("Write a month such as 2026-10.") from error
    if not 2000 <= found.year <= 2200:
        raise Http404("Write a month such as 2026-10.")
    return found
