"""Django's pages, loaded when the first one is asked for, behind a limit on bodies: Django itself reads any body to its
end, onto the disk, whoever sends it.

And what a process says of paths that another one has, where pages have a process of their own.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any, Final

from django.conf import settings

from providers.offload import off_loop
from streaming.exchange.client import Receive, Send
from streaming.exchange.load import PAGES, Load
from streaming.ingress.claude.refused_bytes import refused_bytes
from streaming.refused import Refused

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""The probes that a process without the API answers, too: each process has a supervisor that asks."""


_FILES: Final = {"/admin/console/invoices/upload/": 5_100_000}
"""The pages that take files -> the most bytes of a body."""


class _TooLarge(Exception):
    pass


class Django:
    """Django's application, made once and beside the event loop: the modules of all pages take most of a second and
    30 MB, which nobody waits or pays for while no page is asked for."""

    def __init__(self) -> None:
        self._application: Any = None
        self._loading = asyncio.Lock()

    async def application(self) -> Any:
        """Returns it. Streams go on meanwhile."""
        if self._application is None:
            async with self._loading:
                if self._application is None:
                    self._application = await off_loop(_load)
        return self._application


def _load() -> Any:
    from django.core.handlers.asgi import ASGIHandler
    from django.urls import reverse

    application = ASGIHandler()
    # Imports the views, and compiles their patterns.
    reverse("front")
    # As at the start of the process, without a look at everything, for which streams would wait.
    gc.freeze()
    return application


def without_pages(path: str, pages_at: str) -> str:
    """Returns what a process that has the API alone says of a page."""
    return (
        f"{path[:100]} belongs to the pages, and this process serves the API alone. Pages have a process of their own: "
        f"{pages_at}. A web server in front of both must send each path to its process, as deploy/nginx.conf does."
    )


def without_api(method: str, path: str) -> str:
    """Returns what a process that has pages alone says of everything else."""
    return (
        f"This process has no {method} {path[:100]}: it serves pages alone. The API is at the gateway's own address"
        f"{f', {settings.PUBLIC_URL}' if settings.PUBLIC_URL else ''}, where `./gateway serve --only gateway` or "
        "`serve --pages apart` listens. Set a client's base URL to that."
    )


async def refuse(send: Send, text: str) -> None:
    """Answers 404 as the API does."""
    headers, body = refused_bytes(404, text)
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def page(django: Django, scope: dict[str, Any], receive: Receive, send: Send, load: Load) -> None:
    """Passes a request to Django. A body larger than any form's gets 413, one for which there is no memory 503."""
    most: int = _FILES.get(scope["path"], settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    size = 0
    started = False

    async def limited() -> dict[str, Any]:
        nonlocal size
        message = await receive()
        part = len(message.get("body", b""))
        size += part
        if size > most:
            raise _TooLarge
        share.hold(part)
        return message

    async def noted(message: dict[str, Any]) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        with load.enter(PAGES) as share:
            application = await django.application()
            await application(scope, limited, noted)
    except _TooLarge:
        if not started:
            await _answer(send, 413, f"This form is larger than {most} bytes.")
    except Refused:
        if not started:
            await _answer(send, 503, "The gateway is too busy at the moment. Try again soon.")


async def _answer(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"5"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
