"""Reads the file of all requests of some days: how long it takes, and how the memory of this process grows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE")


def export(browser: Any, days: int) -> str:
    """Returns what the file of so many days took, read by a client of Django's tests."""
    from django.urls import reverse

    from usage.reports.query import last_days

    period = last_days(days)
    url = f"{reverse('admin:usage_requestlog_export')}?from={period.first}&to={period.last}"
    # What the first blocks load stays.
    blocks = iter(browser.get(url).streaming_content)
    for _ in zip(range(10), blocks, strict=False):
        pass
    before, highest, lines, size, began = _resident(), 0.0, 0, 0, time.perf_counter()
    for block in browser.get(url).streaming_content:
        lines, size, highest = lines + block.count(b"\n"), size + len(block), max(highest, _resident())
    return (
        f"{lines - 1:,} rows, {size / 2**20:.0f} MB, {time.perf_counter() - began:.0f} s; resident {before:.1f} MB "
        f"before, {highest:.1f} MB at most"
    )


def _resident() -> float:
    """Returns the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 2**20
