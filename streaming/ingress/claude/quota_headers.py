"""The headers that show Claude Code how far its user is from a budget (`anthropic-ratelimit-unified-*`).

In its gateway mode Claude Code makes a notice of them, and shows the message of a refusal as it is. The names are those
of its protocol for gateways.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from streaming.exchange.client import Headers
from streaming.exchange.quota import Quota

_PREFIX: Final = b"anthropic-ratelimit-unified-"
PERIODS: Final = {"day": "daily", "week": "weekly", "month": "monthly"}
"""A budget in total has no name there."""
_OF_POOL: Final = "monthly"
"""What is shared is called so whatever its period is: clients know no other pool."""
WARNINGS: Final = (0.95, 0.75)
"""Shares of the cap beyond which Claude Code shows a notice."""
MOST_ALLOWED: Final = 0.99
"""The largest share while requests are answered; a full one is a refused one."""


def of_refusal(quota: Quota, now: float) -> Headers:
    """Returns the headers of a refusal at `now`, in POSIX seconds.

    Those that name a claim or an overage status are left out: with them clients put their own words for ours.
    """
    if quota.unreadable:
        return [(_PREFIX + b"overage-disabled-reason", b"fetch_error")]
    headers = [(_PREFIX + b"status", b"rejected"), *_reset(quota.resets_at)]
    headers += [
        (_PREFIX + b"overage-utilization", b"1"),
        (_PREFIX + b"overage-surpassed-threshold", b"1"),
        (_PREFIX + b"overage-disabled-reason", b"org_spend_cap_reached"),
    ]
    period = _OF_POOL if quota.shared else PERIODS.get(quota.period)
    if period is not None:
        headers.append((_PREFIX + b"overage-period", period.encode()))
    if quota.shared:
        headers.append((_PREFIX + b"overage-scope", b"group_pool"))
    if quota.resets_at is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(quota.resets_at - now))))
    return headers


def of_answer(quota: Quota) -> Headers:
    """Returns the headers of an answer; none where the numbers mean nothing, or are no money."""
    if quota.unreadable or not quota.money:
        return []
    return _of_share(shown_share(quota), surpassed(quota), quota.resets_at)


@lru_cache(maxsize=1024)
def _of_share(share: float, warned: float | None, resets_at: float | None) -> Headers:
    """Answers of one caller have the same headers for long; nobody changes the list."""
    status = b"allowed" if warned is None else b"allowed_warning"
    headers = [
        (_PREFIX + b"status", status),
        (_PREFIX + b"representative-claim", b"overage"),
        (_PREFIX + b"overage-status", status),
        (_PREFIX + b"overage-utilization", b"%g" % min(MOST_ALLOWED, share)),
    ]
    if warned is not None:
        headers.append((_PREFIX + b"overage-surpassed-threshold", b"%g" % warned))
    return headers + _reset(resets_at)


def surpassed(quota: Quota) -> float | None:
    """Returns the largest share of WARNINGS that a quota has passed, None while it has passed none."""
    share = quota.share
    for warned in WARNINGS:
        if share > warned:
            return warned
    return None


def shown_share(quota: Quota) -> float:
    """Returns the used share as clients show it: of two decimals, and 1.0 only when all is used."""
    # Halves are rounded up, as in JavaScript.
    share = math.floor(quota.share * 100 + 0.5) / 100
    return share if quota.used >= quota.most else min(MOST_ALLOWED, share)


def _reset(resets_at: float | None) -> Headers:
    if resets_at is None:
        return []
    moment = b"%d" % resets_at
    return [(_PREFIX + b"reset", moment), (_PREFIX + b"overage-reset", moment)]
