"""The probes: is the process up, is it ready for requests, does anything answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import connection

from streaming import stale
from streaming.exchange.client import Client
from streaming.runtime import Runtime

DATABASE_SECONDS: Final = 2.0
"""How long a probe waits for the database."""
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
    database = await _database.error()
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


class Database:
    """Asks the database whether it answers, for all probes that wait at the same time: one that hangs holds one thread,
    which keeps no server from its end."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[str | None] | None = None

    async def error(self) -> str | None:
        """Returns why the database does not answer, None if it does."""
        loop = asyncio.get_running_loop()
        asked = self._asked
        if asked is None or asked.done() or asked.get_loop() is not loop:
            asked = self._asked = loop.create_future()
            threading.Thread(target=_ask, args=(loop, asked), name="readyz", daemon=True).start()
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                return await asyncio.shield(asked)
        except TimeoutError:
            return f"nothing came within {DATABASE_SECONDS:g} s"


_database = Database()


def _ask(loop: asyncio.AbstractEventLoop, asked: asyncio.Future[str | None]) -> None:
    error = _database_error()
    # A loop that has ended meanwhile asks no more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(asked.set_result, error)


def _database_error() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever asks shall know
        return type(error).__name__
    finally:
        connection.close()
    return None


async def _respond(client: Client, status: int, answer: dict[str, Any]) -> None:
    await client.respond(status, msgspec.json.encode(answer))
