"""GET /v1/me: who a client key is, which routes it may use, what limits it, what it used, and its last errors.

No part of the Claude API. It reads the database in threads of its own, so that no stream waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from access.allowances.budgets import BudgetRecord
from access.keys import KeyRecord
from routing.allow_list import usable_routes
from routing.snapshot import Snapshot
from streaming.exchange.client import Client
from streaming.ingress.claude.errors import ClaudeError
from streaming.limit_refusals import whose
from streaming.limits import Standing
from streaming.runtime import Runtime
from usage.budgets import periods, windows
from usage.models import RequestLog
from usage.money import to_dollars
from usage.reports import query
from usage.reports.totals import Totals, exact
from usage.rollups.measures import REPORTED

logger = logging.getLogger("gateway.request")

_ERRORS: Final = 10
_ERROR_DAYS: Final = 30
_TIMEOUT: Final = 10.0
"""Seconds that the database gets."""

# Not the loop's own threads: those resolve names for requests that are waiting.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="me")


async def me(client: Client, key: KeyRecord, snapshot: Snapshot, runtime: Runtime) -> None:
    """Answers the holder of `key`. Raises ClaudeError 503 while the database does not answer."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            stored = await asyncio.get_running_loop().run_in_executor(_threads, _stored, key)
    except (DatabaseError, TimeoutError) as error:
        logger.warning("no usage for /v1/me", extra={"fields": {"cause": type(error).__name__}})
        raise ClaudeError(503, "The gateway cannot read its usage rows at the moment. Ask again later.") from error
    answer = {
        "type": "me",
        "key": {
            "name": key.name,
            "prefix": key.prefix,
            "expires_at": None if key.expires_at is None else _time(datetime.fromtimestamp(key.expires_at, UTC)),
        },
        "owner": None if key.owner_id is None else {"name": key.owner_name},
        "team": {"name": key.team_name},
        "routes": usable_routes(key, snapshot),
        "requests_per_worker": settings.MAX_REQUESTS_PER_KEY,
        "limits": [_limit(standing, key) for standing in await runtime.limits.standing(key.limits)],
        **stored,
    }
    await client.respond(200, msgspec.json.encode(answer))


def _limit(standing: Standing, key: KeyRecord) -> dict[str, Any]:
    """Returns a rate limit. `used` is null where nobody can say."""
    limit, resets = standing.limit, standing.resets_at
    return {
        "measure": limit.measure,
        "per": limit.per,
        "most": limit.most,
        "used": None if standing.used is None else max(0, round(standing.used)),
        "of": limit.whom,
        "for": str(whose(limit, key.team_name)),
        "resets_at": None if resets is None else _time(datetime.fromtimestamp(resets, UTC)),
    }


def _stored(key: KeyRecord) -> dict[str, Any]:
    """Returns how the budgets of a key stand, its usage, and its last errors."""
    key_id, now = key.id, time.time()
    try:
        today, month = query.last_days(1), query.this_month()
        found = windows.look(key.budgets, now)
        return {
            "budgets": [_budget(one, window, now) for one, window in zip(key.budgets, found, strict=True)],
            "usage": {
                "today": _usage(today, query.totals(query.Selection(today, key_id=key_id))),
                "month": _usage(month, query.totals(query.Selection(month, key_id=key_id))),
            },
            "errors": [_error(row) for row in query.last_errors(key_id, _ERROR_DAYS, _ERRORS)],
        }
    finally:
        connection.close()


def _budget(budget: BudgetRecord, window: windows.Window | None, now: float) -> dict[str, Any]:
    """Returns a budget in US dollars. `left_usd` is less than the rest by what requests under way hold."""
    limit, spent, held = budget.amount, 0, 0
    if window is not None:
        limit, spent, held = limit + window.raised, window.spent, window.drawn
    resets_at = periods.bounds(budget.period, budget.zone, budget.week_starts, now)[1]
    return {
        "of": budget.whom,
        "for": budget.label,
        "period": budget.period,
        "hard": budget.hard,
        "models": budget.models.split(),
        "limit_usd": exact(to_dollars(limit)),
        "spent_usd": exact(to_dollars(spent)),
        "left_usd": exact(to_dollars(max(0, limit - spent - held))),
        "resets_at": None if resets_at == periods.NEVER else _time(datetime.fromtimestamp(resets_at, UTC)),
    }


def _usage(period: query.Period, totals: Totals) -> dict[str, Any]:
    """Returns the measures under Claude's names. What no row knows is null; `unpriced` answers are not in the cost."""
    values = {measure.me: exact(getattr(totals, measure.total)) for measure in REPORTED if measure.me}
    return {"since": _time(period.start), **values}


def _error(row: RequestLog) -> dict[str, Any]:
    return {
        "created_at": _time(row.started_at),
        "request_id": row.request_id,
        "model": row.request_model,
        "outcome": row.outcome,
        "status": row.http_status,
        "type": row.error_type,
        "code": row.error_code or None,
        "message": row.error_message or None,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
