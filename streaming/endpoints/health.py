"""The probes: is the process up, is it ready for requests, does anything answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from streaming import stale
from streaming.exchange.client import Client
from streaming.runtime import Runtime

PROBES: Final = frozenset({"/healthz", "/readyz", "/api/hello"})


async def probe(path: str, client: Client, runtime: Runtime) -> None:
    """Answers one probe; Claude Code greets with HEAD / and /api/hello."""
    if path == "/healthz":
        await _respond(client, 200, {"status": "up"})
    elif path == "/readyz":
        await _ready(client, runtime)
    else:
        await _respond(client, 200, {"message": "hello"})


async def _ready(client: Client, runtime: Runtime) -> None:
    """Answers 200 when requests can be served, 503 with the causes when not.

    Everybody may ask, so it names the classes of errors alone: the log and the admin's home say the rest.
    """
    causes: list[str] = []
    if runtime.draining:
        causes.append("the server is shutting down")
    status = runtime.store.status
    broken = None if status.failure is None else f"the configuration cannot be loaded: {status.failure}"
    if runtime.store.current is None:
        causes.append(broken or "no configuration has been loaded yet")
    database = await asyncio.get_running_loop().run_in_executor(None, _database_error)
    if database is not None:
        causes.append(f"the database does not answer: {database}")
    refusal = runtime.refusal()
    if refusal is not None:
        causes.append(f"requests are refused: {refusal}")
    age = runtime.store.age
    if time.monotonic() > runtime.store.too_old_at:
        causes.append(f"requests are refused: {stale.refusal(age or 0.0, settings.MAX_STALE).message}")
    answer: dict[str, Any] = {"status": "not ready" if causes else "ready", "revisions": status.revisions}
    if age is not None:
        answer["snapshot_age_seconds"] = round(age, 1)
    if causes:
        answer["causes"] = causes
    warnings = [*([broken] if broken is not None else ()), *runtime.warnings(public=True)]
    if warnings and not causes:
        answer["warnings"] = warnings
    await _respond(client, 503 if causes else 200, answer)


def _database_error() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    finally:
        connection.close()
    return None


async def _respond(client: Client, status: int, answer: dict[str, Any]) -> None:
    await client.respond(status, msgspec.json.encode(answer))
