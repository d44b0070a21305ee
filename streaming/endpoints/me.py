"""GET /v1/me: who a client key is, which routes it may use, what it used, and its last errors.

No part of the Claude API. It reads the database in threads of its own, so that no stream waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.db import Error as DatabaseError
from django.db import connection

from access.keys import KeyRecord
from routing import engine
from routing.snapshot import Snapshot
from streaming.exchange.client import Client
from streaming.ingress.claude.errors import ClaudeError
from usage.models import RequestLog
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


async def me(client: Client, key: KeyRecord, snapshot: Snapshot) -> None:
    """Answers the holder of `key`. Raises ClaudeError 503 while the database does not answer."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            stored = await asyncio.get_running_loop().run_in_executor(_threads, _usage_and_errors, key.id)
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
        "team": {"name": key.team_name},
        "routes": engine.usable_routes(key, snapshot),
        **stored,
    }
    await client.respond(200, msgspec.json.encode(answer))


def _usage_and_errors(key_id: int) -> dict[str, Any]:
    """Returns the usage and the last errors of a key."""
    try:
        today, month = query.last_days(1), query.this_month()
        return {
            "usage": {
                "today": _usage(today, query.totals(query.Selection(today, key_id=key_id))),
                "month": _usage(month, query.totals(query.Selection(month, key_id=key_id))),
            },
            "errors": [_error(row) for row in query.last_errors(key_id, _ERROR_DAYS, _ERRORS)],
        }
    finally:
        connection.close()


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
