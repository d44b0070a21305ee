"""The ASGI application: the API and the probes go to the Claude consumer, before Django; the rest is Django's."""

from __future__ import annotations

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# After Django's set-up: these import models.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from streaming.consumer import ClaudeConsumer, owns  # noqa: E402
from streaming.exchange.client import Receive, Send  # noqa: E402
from streaming.runtime import serve  # noqa: E402


async def http(scope: dict[str, Any], receive: Receive, send: Any) -> None:
    """Hand a request to its owner."""
    await (ClaudeConsumer(serve()) if owns(scope) else django_application)(scope, receive, send)


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Start and stop what the process has one of (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).

    Daphne has no lifespan: there the first request starts it.
    """
    runtime = serve()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await runtime.start()
            # All of Django lives as long as the process: looking through it for garbage pauses streams for 50 ms.
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await runtime.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter({"http": http, "lifespan": lifespan})
