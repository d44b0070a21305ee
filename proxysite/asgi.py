"""The ASGI applications: the API and the health probes go to the Claude consumer, the pages to Django.

`application` has both. Where pages have a process of their own, `api_alone` and `pages_alone` each have one of them,
and answer the paths of the other with where it is.
"""

from __future__ import annotations

import functools
import gc
import os
import warnings
from collections.abc import Awaitable
from typing import Any

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
if not apps.ready:
    django.setup(set_prefix=False)
# A static file is read in one piece, whoever reads it: nothing that whoever starts the gateway could change.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators", Warning)

# After Django's setup, because these modules import models.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from proxysite import pages  # noqa: E402
from proxysite.alerts.watcher import AlertWatcher  # noqa: E402
from proxysite.live.refusals import RefusalReporter  # noqa: E402
from proxysite.live.reporter import LiveReporter  # noqa: E402
from proxysite.state.reporter import Reporter  # noqa: E402
from streaming.consumer import ClaudeConsumer, is_page, owns  # noqa: E402
from streaming.endpoints import health  # noqa: E402
from streaming.exchange.client import Client, Receive, Send  # noqa: E402
from streaming.runtime import companions, reporters, serve  # noqa: E402

companions += [AlertWatcher, LiveReporter, RefusalReporter]
reporters.append(Reporter)

Scope = dict[str, Any]

_django = pages.Django()


@functools.cache
def _consumer() -> ClaudeConsumer:
    return ClaudeConsumer(serve())


def _both(scope: Scope, receive: Receive, send: Any) -> Awaitable[None]:
    # No coroutine: each step of a request passes through all that there are.
    if owns(scope):
        return _consumer()(scope, receive, send)
    return pages.page(_django, scope, receive, send, serve().load)


async def _pages(scope: Scope, receive: Receive, send: Any) -> None:
    runtime = serve(pages_only=True)
    path: str = scope["path"]
    if path == "/" or is_page(path):
        await pages.page(_django, scope, receive, send, runtime.load)
    elif path in pages.PROBES:
        await health.probe(path, Client(send), runtime)
    else:
        await pages.refuse(send, pages.without_api(scope["method"], path))


async def _sockets(scope: Scope, receive: Receive, send: Any) -> None:
    await _django.application()
    # A library of the pages, which the gateway's own workers do not load.
    from proxysite.live.socket import sockets

    await sockets(scope, receive, send)


def _lifespan(*, pages_only: bool) -> Any:
    """Returns what starts and stops the process-wide runtime (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).

    Daphne has no lifespan: there the first request starts it.
    """

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        runtime = serve(pages_only=pages_only)
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if pages_only:
                    await _django.application()
                await runtime.start()
                # Django's objects live as long as the process; garbage collection over them pauses streams for 50 ms.
                gc.collect()
                gc.freeze()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await runtime.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    return lifespan


def api_alone(pages_at: str) -> ProtocolTypeRouter:
    """Returns the application of a process without pages; `pages_at` says where they are."""

    def http(scope: Scope, receive: Receive, send: Any) -> Awaitable[None]:
        if owns(scope):
            return _consumer()(scope, receive, send)
        return pages.refuse(send, pages.without_pages(scope["path"], pages_at))

    return ProtocolTypeRouter({"http": http, "lifespan": _lifespan(pages_only=False)})


def pages_alone() -> ProtocolTypeRouter:
    """Returns the application of a process that has pages and no API."""
    return ProtocolTypeRouter({"http": _pages, "websocket": _sockets, "lifespan": _lifespan(pages_only=True)})


application = ProtocolTypeRouter({"http": _both, "websocket": _sockets, "lifespan": _lifespan(pages_only=False)})
