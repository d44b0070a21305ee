"""The WebSocket of the live view: only for its own origin, and for as long as the session and the rights last.

Closed with 4401 where somebody is signed out, 4403 where they may see nothing, 4429 where the same person has too many
open, 1013 where too many look, and 1011 where that could not be found out several times in a row.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from io import BytesIO
from typing import Any, Final, NamedTuple, NoReturn

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import Error as DatabaseError
from django.http import HttpResponse
from uvicorn.protocols.utils import ClientDisconnected

from access.sign_in.middleware import SignInMiddleware
from access.sign_in.sessions import SessionStore
from proxysite.live import SOCKET, SOCKETS
from proxysite.live.hub import Refused, Watcher, hub
from proxysite.live.sight import Sight, sight_of

logger = logging.getLogger("gateway.live")

SIGNED_OUT: Final = 4401
MAY_NOT: Final = 4403
TOO_MANY: Final = 1013
TOO_MANY_OF_ONE: Final = 4429
FAILED: Final = 1011
_CODES = {Refused.TOO_MANY: TOO_MANY, Refused.TOO_MANY_OF_ONE: TOO_MANY_OF_ONE}
_RETRY = 1.0
"""Seconds after a look that failed."""
_MOST_FAILURES = 5


class Seen(NamedTuple):
    """What a person sees."""

    sight: Sight
    person_id: int


class LiveSocket(AsyncWebsocketConsumer):
    """One browser. Whatever it sends is ignored."""

    _task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves it until it leaves."""
        try:
            await super().__call__(scope, receive, send)  # type: ignore[no-untyped-call]
        finally:
            if self._task is not None:
                self._task.cancel()

    async def connect(self) -> None:
        """Accepts it, and begins to tell it."""
        request = _request(self.scope)
        if request is None:
            await self.close()  # type: ignore[no-untyped-call]
            return
        await self.accept()  # type: ignore[no-untyped-call]
        found = await _look(request)
        if isinstance(found, int):
            await self.close(found)  # type: ignore[no-untyped-call]
            return
        watcher = Watcher(*found)
        refused = hub.join(watcher)
        if refused is not None:
            await self.close(_CODES[refused])  # type: ignore[no-untyped-call]
            return
        self._task = asyncio.get_running_loop().create_task(self._serve(watcher))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignores it."""

    async def _serve(self, watcher: Watcher) -> None:
        """Tells it until its rights end, or something fails. No socket is told whose rights nobody looks at."""
        loop = asyncio.get_running_loop()
        tell, check = loop.create_task(self._tell(watcher)), loop.create_task(self._check(watcher))
        try:
            await asyncio.wait((tell, check), return_when=asyncio.FIRST_COMPLETED)
            code = check.result() if check.done() else tell.result()
        except ClientDisconnected:
            return
        except Exception:
            logger.exception("a browser's live view failed")
            code = FAILED
        finally:
            hub.leave(watcher)
            tell.cancel()
            check.cancel()
        with suppress(ClientDisconnected):
            await self.close(code)  # type: ignore[no-untyped-call]

    async def _tell(self, watcher: Watcher) -> NoReturn:
        while True:
            await self.send(await watcher.next())  # type: ignore[no-untyped-call]

    async def _check(self, watcher: Watcher) -> int:
        """Looks at the session and the rights again and again, and returns the code with which they end."""
        failures = 0
        while True:
            again = settings.LIVE_CHECK_SECONDS
            await asyncio.sleep(min(_RETRY, again) if failures else again)
            request = _request(self.scope)
            found = SIGNED_OUT if request is None else await _look(request)
            failures = failures + 1 if found == FAILED else 0
            if not isinstance(found, int):
                watcher.sight = found.sight
            elif failures in (0, _MOST_FAILURES):
                return found


def _request(scope: dict[str, Any]) -> ASGIRequest | None:
    """Returns the offer as a request of Django's, None where a page of another site makes it: browsers send cookies
    with it all the same."""
    scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "ws"), "http")
    request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())
    try:
        own = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return None
    return request if request.headers.get("Origin") in (own, *settings.CSRF_TRUSTED_ORIGINS) else None


async def _look(request: ASGIRequest) -> Seen | int:
    """Returns what whoever is signed in sees now, or the code with which the socket is closed. Raises nothing."""
    try:
        found: Seen | int = await database_sync_to_async(_look_at)(request)
    except DatabaseError as error:
        logger.warning("the rights of a browser could not be looked at", extra={"fields": {"cause": str(error)}})
    except Exception:
        logger.exception("looking at the rights of a browser failed")
    else:
        return found
    return FAILED


def _look_at(request: ASGIRequest) -> Seen | int:
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    # A look is no use of the session: what this sets is not saved, unless the session has ended.
    SignInMiddleware(lambda _: HttpResponse()).process_request(request)
    person = get_user(request)
    if not person.is_authenticated:
        return SIGNED_OUT
    sight = sight_of(person, of_site=request.path == SOCKET)
    return MAY_NOT if sight is None else Seen(sight, person.pk)


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for WebSockets: there is one path."""
    if scope["path"] in SOCKETS:
        await LiveSocket()(scope, receive, send)  # type: ignore[no-untyped-call]
    else:
        await receive()
        await send({"type": "websocket.close"})
