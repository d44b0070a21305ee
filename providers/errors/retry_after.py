"""How long a provider asks to wait, in its headers or in Google's RetryInfo in the body."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns seconds to wait, from retry-after-ms or retry-after (a number or an HTTP date); None without a valid one.

    `headers` have names in lower case.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
            except (ValueError, OverflowError):
                continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def retry_delay(levels: list[dict[str, Any]]) -> float | None:
    """Returns seconds to wait, from a RetryInfo in an error's details: `"retryDelay": "17s"`.

    https://cloud.google.com/apis/design/errors#error_details
    """
    for level in levels:
        details = level.get("details")
        for detail in details if isinstance(details, list) else ():
            delay = detail.get("retryDelay") if isinstance(detail, dict) else None
            if isinstance(delay, str) and delay.endswith("s"):
                try:
                    seconds = float(delay[:-1])
                except ValueError:
                    continue
                if math.isfinite(seconds):
                    return max(0.0, seconds)
    return None
