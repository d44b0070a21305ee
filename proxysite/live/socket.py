"""The WebSocket of the live view: only for its own origin, and for as long as the session and the rights last.

Closed with 4401 where somebody is signed out, 4403 where they may see nothing, 1013 where too many look.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from access.sign_in.middleware import SignInMiddleware
from access.sign_in.sessions import SessionStore
from proxysite.live import SOCKET, SOCKETS
from proxysite.live.hub import Watcher, hub
from proxysite.live.sight import Sight, sight_of

SIGNED_OUT: Final = 4401
MAY_NOT: Final = 4403
TOO_MANY: Final = 1013


class LiveSocket(AsyncWebsocketConsumer):
    """One browser. Whatever it sends is ignored."""

    _watcher: Watcher | None = None
    _tasks: tuple[asyncio.Task[None], ...] = ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves it until it leaves."""
        try:
            await super().__call__(scope, receive, send)  # type: ignore[no-untyped-call]
        finally:
            for task in self._tasks:
                task.cancel()
            if self._watcher is not None:
                hub.leave(self._watcher)

    async def connect(self) -> None:
        """Accepts it, and begins to tell it."""
        request = _request(self.scope)
        if request is None:
            await self.close()  # type: ignore[no-untyped-call]
            return
        await self.accept()  # type: ignore[no-untyped-call]
        found = await _look_at(request)
        if not isinstance(found, Sight):
            await self.close(found)  # type: ignore[no-untyped-call]
            return
        self._watcher = watcher = Watcher(found)
        if not hub.join(watcher):
            await self.close(TOO_MANY)  # type: ignore[no-untyped-call]
            return
        loop = asyncio.get_running_loop()
        self._tasks = (loop.create_task(self._tell(watcher)), loop.create_task(self._check(watcher)))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignores it."""

    async def _tell(self, watcher: Watcher) -> None:
        while True:
            await self.send(await watcher.next())  # type: ignore[no-untyped-call]

    async def _check(self, watcher: Watcher) -> None:
        """Looks at the session and the rights again and again."""
        while True:
            await asyncio.sleep(settings.LIVE_CHECK_SECONDS)
            request = _request(self.scope)
            found = SIGNED_OUT if request is None else await _look_at(request)
            if not isinstance(found, Sight):
                hub.leave(watcher)
                await self.close(found)  # type: ignore[no-untyped-call]
                return
            watcher.sight = found


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


@database_sync_to_async
def _look_at(request: ASGIRequest) -> Sight | int:
    """Returns what whoever is signed in sees now, or the code with which the socket is closed."""
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    # A look is no use of the session: what this sets is not saved, unless the session has ended.
    SignInMiddleware(lambda _: HttpResponse()).process_request(request)
    person = get_user(request)
    if not person.is_authenticated:
        return SIGNED_OUT
    return sight_of(person, of_site=request.path == SOCKET) or MAY_NOT


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for WebSockets: there is one path."""
    if scope["path"] in SOCKETS:
        await LiveSocket()(scope, receive, send)  # type: ignore[no-untyped-call]
    else:
        await receive()
        await send({"type": "websocket.close"})
