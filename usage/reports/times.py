"""How times are written for people: the ISO date, and how far from now it is."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from usage.reports.formatting import ago


def distance(moment: datetime) -> str:
    """`5 min ago`, or `in 3 h` for what is yet to come."""
    seconds = (timezone.now() - moment).total_seconds()
    # What is to come is 7 days away when it was just set, and not 6.
    return ago(seconds) if seconds >= 0 else f"in {ago(ceil(-seconds)).removesuffix(' ago')}"


def when(moment: datetime | None) -> SafeString | None:
    """`2026-11-30 14:47 (5 min ago)` in TIME_ZONE, with the seconds on hover; None stays None."""
    if moment is None:
        return None
    local = timezone.localtime(moment, timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{} <span class="gw-soft">({})</span></time>',
        moment.isoformat(), f"{local:%Y-%m-%d %H:%M:%S}", f"{local:%Y-%m-%d %H:%M}", distance(moment),
    )  # fmt: skip


def in_two_lines(moment: datetime) -> tuple[str, str]:
    """The time in TIME_ZONE to the second, and how long ago it was."""
    local = timezone.localtime(moment, timezone.get_default_timezone())
    return f"{local:%Y-%m-%d %H:%M:%S}", distance(moment)
