"""The ASGI application: sends the API and the health probes to the Claude consumer, and the rest to Django."""

from __future__ import annotations

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# After Django's setup, because these modules import models.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from proxysite.alerts.watcher import AlertWatcher  # noqa: E402
from proxysite.pages import page  # noqa: E402
from streaming.consumer import ClaudeConsumer, owns  # noqa: E402
from streaming.exchange.client import Receive, Send  # noqa: E402
from streaming.runtime import companions, serve  # noqa: E402

companions.append(AlertWatcher)


async def http(scope: dict[str, Any], receive: Receive, send: Any) -> None:
    """Passes a request to the Claude consumer or to Django."""
    runtime = serve()
    if owns(scope):
        await ClaudeConsumer(runtime)(scope, receive, send)
    else:
        await page(django_application, scope, receive, send, runtime.load)


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Starts and stops the process-wide runtime (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).

    Daphne has no lifespan: there the first request starts it.
    """
    runtime = serve()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await runtime.start()
            # Django's objects live as long as the process; garbage collection over them pauses streams for 50 ms.
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await runtime.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter({"http": http, "lifespan": lifespan})
