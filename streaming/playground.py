"""Requests from the playground: whom their token speaks for, and the end of those whose session or right has ended.

Nothing here runs for a request with a client key: a token is looked at only where no key was found.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from django.db import Error as DatabaseError

from access.keys import AccessDenied, KeyRecord, Keys
from access.playground.holder import NOT_VALID, SignedIn, holder, why_ended
from access.playground.tokens import PREFIX, Claims, read
from streaming.budgets.standing import beside
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending
from streaming.refused import RefusalKind, Refused
from usage.sentence import Sentence

logger = logging.getLogger("gateway.request")

INTERVAL = 1.0
"""Seconds between two looks at the sessions of running answers."""
_BEARER: Final = f"Bearer {PREFIX}"
_RETRY_AFTER: Final = 30.0
_MOST_ASKED: Final = 64
"""Tokens that the database is asked about at once; further ones are refused, so that none waits for long."""
_BUSY_RETRY_AFTER: Final = 5.0

_asked = 0
_watch_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session watch")
"""Of the watch alone: it ends answers whatever waits to begin."""


def has_token(headers: Mapping[str, str]) -> bool:
    """Returns whether a caller sends what begins like a token."""
    return headers.get("authorization", "").startswith(_BEARER)


async def caller(headers: Mapping[str, str], keys: Keys) -> KeyRecord | AccessDenied:
    """Returns whom the token of a request speaks for, or why it is refused. Raises Refused while the database does not
    answer, or is asked about too many; it is asked only about a token that this gateway has signed."""
    global _asked
    claims = read(headers["authorization"].removeprefix("Bearer "))
    if claims is None:
        return NOT_VALID
    if _asked >= _MOST_ASKED:
        raise Refused(
            RefusalKind.OVERLOADED,
            Sentence("Too many requests from playgrounds begin at once. Try again in a moment.", code="sessions_busy"),
            retry_after=_BUSY_RETRY_AFTER,
            code="sessions_busy",
        )
    _asked += 1
    try:
        return await beside(partial(holder, claims, keys))
    except (DatabaseError, TimeoutError) as error:
        logger.warning("no session of the playground was read", extra={"fields": {"cause": type(error).__name__}})
        raise Refused(
            RefusalKind.OVERLOADED,
            Sentence(
                "This gateway cannot read its database now and cannot know whether you are signed in. Try again in a "
                "minute.",
                code="session_unread",
            ),
            retry_after=_RETRY_AFTER,
            code="session_unread",
        ) from error
    finally:
        _asked -= 1


class SessionWatch:
    """Looks once a second whether those who wait for answers in the playground are still signed in and may use it; what
    it cannot read it reads the next time."""

    def __init__(self, running: Collection[Exchange]) -> None:
        self._running = running
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begins a look, unless the one of before is not over; the sweeper calls it every INTERVAL."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="session watch")

    async def stop(self) -> None:
        """Ends the present look."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def look(self) -> None:
        """Ends the answers whose session or right has ended."""
        running = [(one, one.key.claims) for one in tuple(self._running) if isinstance(one.key, SignedIn)]
        if not running:
            return
        try:
            ended = await beside(partial(_ended, {claims for _, claims in running}), _watch_thread)
        except (DatabaseError, TimeoutError) as error:
            logger.warning("no sessions of the playground were read", extra={"fields": {"cause": type(error).__name__}})
            return
        for exchange, claims in running:
            if claims in ended:
                exchange.interrupt(Ending.SESSION_ENDED)

    async def _look(self) -> None:
        try:
            await self.look()
        except Exception:
            # One look that fails must not be the last one.
            logger.exception("the sessions of the playground could not be looked at")


def _ended(all_claims: set[Claims]) -> set[Claims]:
    return {claims for claims in all_claims if why_ended(claims) is not None}
