"""The Channels consumer in front of everything that is not the admin: it authenticates and dispatches.

`__call__` replaces the stock one, which joins a channel layer and hops a thread per message; a stream inside its
`handle` would never see the client leave.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, Final
from uuid import UUID

from channels.generic.http import AsyncHttpConsumer
from django.conf import settings

from access.addresses import client_behind
from access.keys import AccessDenied, KeyRecord, from_address
from access.playground.holder import WRONG_ENDPOINT
from routing.snapshot import Snapshot
from streaming import limits, playground, stale
from streaming.endpoints import count_tokens, health, me, models, usage
from streaming.endpoints.messages import relay
from streaming.exchange.client import Client, Receive, Send
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.load import NOBODY, Share
from streaming.ingress import cors, known_lines
from streaming.ingress.claude import errors, intake, paths, wrong_paths
from streaming.outcome import accounting
from streaming.refused import Refused
from streaming.runtime import Runtime
from usage.journal.account import new_identity, request_id_of

logger = logging.getLogger("gateway.request")

Scope = dict[str, Any]

CREDENTIALS: Final = ("authorization", "x-api-key", "cookie", "proxy-authorization")
"""Headers with a client's own secrets: they are removed as soon as the caller is authenticated."""
_OF_PLAYGROUND: Final = frozenset({paths.MESSAGES, paths.COUNT_TOKENS})
"""The endpoints that take the playground's token; they take POST alone."""
_SHARED_WITH: Final = tuple(settings.CORS_ALLOWED_ORIGINS)  # Read once, since each request asks.
PAGE_PREFIXES: Final = ("/admin", "/my", "/api/report/", settings.STATIC_URL)
"""How the paths of the pages for people, of their files and of the report API begin; the front page is one of them."""


def owns(scope: Scope) -> bool:
    """Whether a request is for this consumer rather than for Django, which has the pages alone."""
    path: str = scope["path"]
    if path.startswith(paths.PREFIX):
        return True
    return not is_page(path) and (path != "/" or scope["method"] != "GET")


def is_page(path: str) -> bool:
    """Whether a path is one of the pages for people and their files, but for the front page. Those of a client whose
    base URL was copied from a page are not."""
    return path.startswith(PAGE_PREFIXES) and not path.endswith((paths.MESSAGES, paths.COUNT_TOKENS))


class ClaudeConsumer(AsyncHttpConsumer):
    """Everything but the pages: the API, the probes, and 404 for all others. One instance serves all requests."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        runtime = self._runtime
        if not runtime.started:
            await runtime.start()
        client = Client(send)
        path: str = scope["path"]
        if path in health.PROBES or (path == "/" and scope["method"] == "HEAD"):
            await health.probe(path, client, runtime)
            return
        identity = new_identity()
        client.request_id = request_id_of(identity)
        headers = known_lines.headers_of(scope)
        if _SHARED_WITH and await _is_preflight(scope, headers, client):
            return
        try:
            path, snapshot = _configured(scope, headers, client, runtime)
            key: KeyRecord | AccessDenied | None = _caller(scope, headers, snapshot)
            if isinstance(key, AccessDenied):
                key = await _without_key(key, path, scope, headers, client, snapshot, runtime)
            if key is not None:
                await _answered(path, scope, headers, receive, client, key, identity, snapshot, runtime)
        except (Refused, errors.ClaudeError) as error:
            await _refuse(client, errors.of_refused(error) if isinstance(error, Refused) else error)
        except intake.ClientGone:
            pass  # It left before its request was complete.
        except Exception:
            # A message has a last catch of its own, which completes its usage row.
            logger.exception("unforeseen failure", extra={"fields": {"request_id": client.request_id}})
            if not client.started:
                await _refuse(client, errors.unforeseen())


async def _is_preflight(scope: Scope, headers: dict[str, str], client: Client) -> bool:
    """Whether a page of another origin asked first, and has its answer; lets such pages read every other answer."""
    client.shared = cors.response_headers(headers, _SHARED_WITH)
    if not cors.is_preflight(scope["method"], headers):
        return False
    await client.respond_empty(cors.preflight_headers(headers))
    return True


def _configured(scope: Scope, headers: dict[str, str], client: Client, runtime: Runtime) -> tuple[str, Snapshot]:
    """Returns the API's path that a request means, and the configuration that it is answered by. Raises ClaudeError
    where the path is not the API's, and where there is no configuration, or one that is too old."""
    path = paths.meant(scope["path"])
    if not path.startswith(paths.PREFIX) and path != paths.USAGE:
        raise _not_found(scope, path, headers, client, runtime)
    snapshot = runtime.store.current
    if snapshot is None:
        raise errors.ClaudeError(503, "The gateway has no configuration yet; GET /readyz says why.")
    if time.monotonic() > runtime.store.too_old_at:
        raise stale.refusal(runtime.store.age or 0.0, settings.MAX_STALE)
    return path, snapshot


def _caller(scope: Scope, headers: dict[str, str], snapshot: Snapshot) -> KeyRecord | AccessDenied:
    """Returns whose key a request has, or why nobody's."""
    key = known_lines.caller_of(scope, headers, snapshot.keys, time.time())
    if isinstance(key, KeyRecord) and key.networks is not None:
        return from_address(key, _address(scope, headers))
    return key


def _answered(
    path: str,
    scope: Scope,
    headers: dict[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    identity: UUID,
    snapshot: Snapshot,
    runtime: Runtime,
) -> Awaitable[None]:
    """Answers an authenticated request. It is no coroutine itself: each read of a stream passes through all that there
    are."""
    for name in CREDENTIALS:
        headers.pop(name, None)
    if path != paths.MESSAGES or scope["method"] != "POST":
        return _beside_messages(path, scope, headers, receive, client, key, snapshot, runtime)
    task = asyncio.current_task()
    assert task is not None
    account = runtime.recorder.open(identity, client.request_id)
    accounting.describe_caller(account, key, headers, snapshot.revisions, runtime.distinct)
    if account.request.decision is not None:
        client.shared = [*client.shared, (b"x-gateway-ignored-tags", accounting.ignored_tags(account).encode())]
    exchange = Exchange(account, client, key, headers, Lifecycle(task, runtime.sweeper.lag))
    return relay(exchange, receive, snapshot, runtime)


async def _beside_messages(
    path: str,
    scope: Scope,
    headers: dict[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    snapshot: Snapshot,
    runtime: Runtime,
) -> None:
    """Answers whatever is no POST /v1/messages. Raises ClaudeError or Refused."""
    method = scope["method"]
    wanted = paths.method_of(path)
    if wanted is None:
        raise _not_found(scope, path, headers, client, runtime)
    # HEAD is GET without the body, which the server leaves out.
    if method != wanted and (method, wanted) != ("HEAD", "GET"):
        raise errors.ClaudeError(405, f"{path[:100]} takes {wanted}, not {method}.", [(b"allow", wanted.encode())])
    with runtime.load.enter(key.id) as share:
        await _other(path, scope["query_string"], headers, receive, client, key, snapshot, runtime, share)


async def _without_key(
    refusal: AccessDenied,
    path: str,
    scope: Scope,
    headers: dict[str, str],
    client: Client,
    snapshot: Snapshot,
    runtime: Runtime,
) -> KeyRecord | None:
    """Returns whom a token of the playground speaks for; refuses everybody else and returns None. Raises Refused."""
    if playground.has_token(headers) and not _wait_of_refused(scope, headers, runtime, counts=False):
        # The database is asked for nobody who sends too many that are refused.
        found = await playground.caller(headers, snapshot.keys) if path in _OF_PLAYGROUND else WRONG_ENDPOINT
        if isinstance(found, KeyRecord):
            return found
        refusal = found
    # Counted as well, until the caller has taken the answer. Nothing of the body has been read.
    with runtime.load.enter(NOBODY):
        if refusal.of_key is not None:
            runtime.refused_keys.count_known(*refusal.of_key)
        error = _too_many_refused(scope, headers, runtime) or errors.of_access(refusal)
        _note(scope, path, headers, refusal, error, client, runtime)
        await _refuse(client, error)
    return None


def _wait_of_refused(scope: Scope, headers: dict[str, str], runtime: Runtime, *, counts: bool) -> int:
    return runtime.refused_keys.wait(_peer(scope), headers.get("x-forwarded-for", ""), counts=counts)


def _peer(scope: Scope) -> str:
    peer = scope.get("client")
    return peer[0] if peer else ""


def _too_many_refused(scope: Scope, headers: dict[str, str], runtime: Runtime) -> errors.ClaudeError | None:
    """Counts a request with a refused key; returns what it gets where its client has sent too many."""
    wait = _wait_of_refused(scope, headers, runtime, counts=True)
    return errors.of_refused_keys(runtime.refused_keys.most, wait) if wait else None


def _address(scope: Scope, headers: dict[str, str]) -> str:
    """Returns the client's address, which only our own proxies may name; empty where nothing says it."""
    return client_behind(_peer(scope), headers.get("x-forwarded-for", ""), tuple(settings.TRUSTED_PROXIES))


async def _refuse(client: Client, error: errors.ClaudeError) -> None:
    await client.respond(error.status, error.body(client.request_id), error.headers)


async def _other(
    path: str,
    query: bytes,
    headers: dict[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    snapshot: Snapshot,
    runtime: Runtime,
    share: Share,
) -> None:
    """The endpoints that leave no usage row. Raises ClaudeError or Refused."""
    if path == paths.COUNT_TOKENS:
        if key.limits:
            await runtime.limits.take(key, limits.COUNT_TOKENS)
        await count_tokens.count_tokens(headers, receive, client, key, snapshot, runtime, share)
        return
    if path == paths.ME:
        await me.me(client, key, snapshot, runtime)
        return
    if path == paths.USAGE:
        await usage.usage(client, key)
        return
    if key.limits:
        await runtime.limits.take(key, limits.MODELS)
    if path == paths.MODELS:
        await models.list_models(query, client, key, snapshot)
    else:
        # ASGI has percent-decoded the path, so an id may hold slashes and colons.
        await models.retrieve_model(path.removeprefix(paths.MODEL), client, key, snapshot)


def _not_found(
    scope: Scope, path: str, headers: dict[str, str], client: Client, runtime: Runtime
) -> errors.ClaudeError:
    """Returns the answer to a request for a path that there is not, and tells whoever waits for a first request."""
    method: str = scope["method"]
    error = errors.ClaudeError(
        404,
        f"This gateway has no {method} {path[:100]}. It has POST /v1/messages, POST /v1/messages/count_tokens, "
        f"GET /v1/models, GET /v1/me and GET /api/oauth/usage. "
        f"{wrong_paths.advice(method, path, settings.PUBLIC_URL)}",
    )
    _note(scope, path, headers, None, error, client, runtime)
    return error


def _note(
    scope: Scope,
    path: str,
    headers: dict[str, str],
    refusal: AccessDenied | None,
    error: errors.ClaudeError,
    client: Client,
    runtime: Runtime,
) -> None:
    notes = runtime.refused_keys.notes
    if notes is None:
        return
    shown, is_wrong = wrong_paths.shown(scope["method"], path)
    if refusal is None and not is_wrong:
        # No client of a model asks for it.
        return
    # The words about a path repeat all of it.
    answer = (error.status, "" if refusal is None else error.message)
    what, wrong = f"{scope['method']} {shown}", shown if is_wrong else ""
    notes.add(client.request_id, what, wrong, headers, refusal, answer, peer=_peer(scope))
