"""The Channels consumer in front of everything that is not the admin: it authenticates and dispatches.

`__call__` replaces the stock one, which joins a channel layer and hops a thread per message; a stream inside its
`handle` would never see the client leave.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from channels.generic.http import AsyncHttpConsumer

from access.keys import AccessDenied, KeyRecord, authenticate
from routing.snapshot import Snapshot
from streaming.endpoints import count_tokens, health, me, models
from streaming.endpoints.messages import relay
from streaming.exchange.client import Client, Receive, Send
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.ingress.claude import errors
from streaming.outcome import accounting
from streaming.runtime import Runtime
from usage.journal.account import new_identity, request_id_of

Scope = dict[str, Any]

_METHODS = {
    "/v1/messages": "POST",
    "/v1/messages/count_tokens": "POST",
    "/v1/models": "GET",
    "/v1/me": "GET",
}
_MODEL = "/v1/models/"
CREDENTIALS = ("authorization", "x-api-key", "cookie", "proxy-authorization")
"""Headers with a client's own secrets: they are removed as soon as the caller is authenticated."""


def owns(scope: Scope) -> bool:
    """Whether a request is for this consumer rather than for Django."""
    path: str = scope["path"]
    return path.startswith("/v1/") or path in health.PROBES or (path == "/" and scope["method"] == "HEAD")


class ClaudeConsumer(AsyncHttpConsumer):
    """Everything under /v1/, and the probes; one instance serves one request."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        runtime = self._runtime
        if not runtime.started:
            await runtime.start()
        client = Client(send)
        if not scope["path"].startswith("/v1/"):
            await health.probe(scope["path"], client, runtime)
            return
        identity = new_identity()
        client.request_id = request_id_of(identity)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            snapshot = runtime.store.current
            if snapshot is None:
                raise errors.ClaudeError(503, "The gateway has no configuration yet; GET /readyz says why.")
            try:
                key = authenticate(headers, snapshot.keys, time.time())
            except AccessDenied as error:
                raise errors.of_access(error) from error
            for name in CREDENTIALS:
                headers.pop(name, None)
            if scope["path"] == "/v1/messages" and scope["method"] == "POST":
                task = asyncio.current_task()
                assert task is not None
                exchange = Exchange(runtime.recorder.open(identity), client, key, headers, Lifecycle(task))
                await _messages(exchange, receive, snapshot, runtime)
            else:
                await _other(scope, headers, receive, client, key, snapshot, runtime)
        except errors.ClaudeError as error:
            await client.respond(error.status, error.body(client.request_id), error.headers)


async def _messages(exchange: Exchange, receive: Receive, snapshot: Snapshot, runtime: Runtime) -> None:
    accounting.describe_caller(exchange.account, exchange.key)
    runtime.exchanges.add(exchange)
    try:
        await relay(exchange, receive, snapshot, runtime)
    finally:
        runtime.exchanges.discard(exchange)


async def _other(
    scope: Scope,
    headers: dict[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    snapshot: Snapshot,
    runtime: Runtime,
) -> None:
    """The endpoints that leave no usage row. Raises ClaudeError."""
    path, method = scope["path"], scope["method"]
    wanted = "GET" if path.startswith(_MODEL) else _METHODS.get(path)
    if wanted is None:
        raise errors.ClaudeError(
            404,
            f"This gateway has no {method} {path[:100]}. It has POST /v1/messages, POST /v1/messages/count_tokens, "
            "GET /v1/models and GET /v1/me.",
        )
    if method != wanted:
        raise errors.ClaudeError(405, f"{path} takes {wanted}, not {method}.", [(b"allow", wanted.encode())])
    if path == "/v1/messages/count_tokens":
        await count_tokens.count_tokens(headers, receive, client, key, snapshot, runtime)
    elif path == "/v1/me":
        await me.me(client, key, snapshot)
    elif path == "/v1/models":
        await models.list_models(scope["query_string"], client, key, snapshot)
    else:
        # ASGI has percent-decoded the path, so an id may hold slashes and colons.
        await models.retrieve_model(path.removeprefix(_MODEL), client, key, snapshot)
