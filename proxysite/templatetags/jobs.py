"""Filters of the pages of jobs."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from usage.reports.formatting import UNKNOWN

register = template.Library()


@register.filter
def named(names: Mapping[int | None, str], user_id: int | None) -> str:
    """The name of a user who is still there."""
    return names.get(user_id, UNKNOWN)
