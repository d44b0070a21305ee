"""GET /api/oauth/usage: how far the holder of a key is from each budget, as Claude Code's `/usage` shows it in dollars.

Its protocol for gateways has this path. Amounts are in cents, shares in whole percents.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec
from django.db import Error as DatabaseError

from access.keys import KeyRecord
from streaming.budgets.standing import beside, standing
from streaming.exchange.client import Client
from streaming.exchange.quota import Quota, nearest
from streaming.ingress.claude import quota_headers
from streaming.ingress.claude.errors import ClaudeError
from usage.money import PICO, to_pico
from usage.reports import query

logger = logging.getLogger("gateway.request")

_CENT: Final = PICO // 100
_NO_STORE: Final = (b"cache-control", b"no-store")
_CURRENCY: Final = "USD"


async def usage(client: Client, key: KeyRecord) -> None:
    """Answers the holder of `key`. Raises ClaudeError 503 while the database does not answer."""
    try:
        quotas = await standing(key)
        answer = of(quotas) if quotas else await beside(partial(_without_budget, key.id))
    except (DatabaseError, TimeoutError) as error:
        logger.warning("no budgets for /api/oauth/usage", extra={"fields": {"cause": type(error).__name__}})
        raise ClaudeError(503, "The gateway cannot read its budgets at the moment. Ask again later.") from error
    await client.respond(200, msgspec.json.encode(answer), [_NO_STORE])


def of(quotas: Sequence[Quota]) -> dict[str, Any]:
    """Returns the answer to whoever is bound by `quotas`: the amounts are those of the one that headers show."""
    shown = nearest(quotas)
    assert shown is not None
    return {
        "extra_usage": {
            "is_enabled": True,
            "monthly_limit": shown.most // _CENT,
            "used_credits": shown.used // _CENT,
            "utilization": _percent(shown),
            "currency": _CURRENCY,
        },
        "limits": [
            {
                "kind": "spend",
                "group": quota_headers.PERIODS.get(quota.period, quota.period),
                "percent": _percent(quota),
                "resets_at": None if quota.resets_at is None else _time(quota.resets_at),
                "severity": _severity(quota),
                "is_active": quota is shown,
            }
            for quota in quotas
        ],
    }


def _without_budget(key_id: int) -> dict[str, Any]:
    """Returns what the key has cost; a limit of null is none."""
    today = query.last_days(1)
    monday = today.last - timedelta(days=today.last.weekday())
    day, week, month = (
        _cents(query.totals(query.Selection(period, key_id=key_id)).cost)
        for period in (today, query.Period(monday, today.last), query.this_month())
    )
    return {
        "extra_usage": {
            "is_enabled": True,
            "monthly_limit": None,
            "used_credits": month,
            "utilization": None,
            "currency": _CURRENCY,
            "daily": {"limit": None, "used_credits": day, "utilization": None},
            "weekly": {"limit": None, "used_credits": week, "utilization": None},
        },
        "limits": [],
    }


def _cents(dollars: Decimal | None) -> int:
    return 0 if dollars is None else to_pico(dollars) // _CENT


def _percent(quota: Quota) -> int:
    return round(quota_headers.shown_share(quota) * 100)


def _severity(quota: Quota) -> str:
    if quota.used >= quota.most:
        return "critical"
    return {0.95: "critical", 0.75: "warning", None: "normal"}[quota_headers.surpassed(quota)]


def _time(posix: float) -> str:
    return datetime.fromtimestamp(int(posix), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
