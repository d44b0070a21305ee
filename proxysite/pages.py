"""Django's pages behind a limit on bodies: Django itself reads any body to its end, onto the disk, whoever sends it."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from streaming.exchange.client import Receive, Send
from streaming.exchange.load import PAGES, Load
from streaming.refused import Refused


class _TooLarge(Exception):
    pass


async def page(django: Any, scope: dict[str, Any], receive: Receive, send: Send, load: Load) -> None:
    """Passes a request to Django. A body larger than any form's gets 413, one for which there is no memory 503."""
    most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
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
            await django(scope, limited, noted)
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
