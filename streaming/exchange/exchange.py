"""One POST /v1/messages from admission to its end: who, what, how far, and why it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Any

from django.conf import settings

from access.keys import KeyRecord
from routing.decision import Decision
from streaming.attempts.continuation import Told
from streaming.encoding.encoder import Encoder
from streaming.encoding.sink import Sink
from streaming.exchange.client import Client
from streaming.exchange.watch import NEVER, Watch
from streaming.ingress.claude.frames import SseSink
from streaming.ingress.claude.intake import Receive
from streaming.ingress.claude.message import MessageFold
from usage.journal.account import Account
from usage.journal.records import AttemptRecord


class Ending(Enum):
    """Why a running request was cancelled from outside."""

    CLIENT_CLOSED = "client_closed"
    SHUTDOWN = "shutdown"


class Exchange:
    """The state that the road, the sweeper and the servers share about one request."""

    __slots__ = (
        "_began",
        "_content_at",
        "_pinging",
        "_spoke_at",
        "_watcher",
        "account",
        "body",
        "client",
        "deadline",
        "decision",
        "encoder",
        "ending",
        "fold",
        "headers",
        "input_estimate",
        "key",
        "loop",
        "parts",
        "session_id",
        "speaker",
        "streamed",
        "task",
        "told",
        "watches",
    )

    def __init__(
        self, *, account: Account, client: Client, key: KeyRecord, headers: Mapping[str, str], task: asyncio.Task[Any]
    ) -> None:
        self.account = account
        self.client = client
        self.key = key
        self.headers = headers
        self.task = task
        self.body: dict[str, Any] | None = None
        self.session_id = ""
        self.input_estimate = 0
        self.streamed = False
        self.decision: Decision | None = None
        self.encoder: Encoder | None = None
        self.fold: MessageFold | None = None
        self.speaker: AttemptRecord | None = None
        """The attempt whose answer or error the client gets."""
        self.parts: list[AttemptRecord] = []
        """Attempts that broke off, and that another one went on with."""
        self.told: Told | None = None
        self.watches: list[Watch] = []
        """Of the attempts that are under way."""
        self.ending: Ending | None = None
        # Kept, because in Python 3.11 asking for the running loop is a system call.
        self.loop = task.get_loop()
        self._began = self._spoke_at = self._content_at = self.loop.time()
        self.deadline = NEVER
        """When all attempts must be over, in the loop's seconds."""
        self._pinging: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def watch_client(self, receive: Receive) -> None:
        """From now on notice at once when the client goes; call when its body has been read."""
        self._watcher = self.loop.create_task(self._leaves(receive))

    def close(self) -> None:
        """The request is over: stop watching the client."""
        # Let go of: a task that was cancelled holds its frame and with it this exchange, so that only the garbage
        # collector could take both, and all that hangs on them.
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()

    async def _leaves(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.interrupt(Ending.CLIENT_CLOSED)

    def limit(self, seconds: float) -> None:
        """All attempts together have so many seconds, from the request's beginning on."""
        self.deadline = self._began + seconds

    def begin_answer(self, *, remembers: bool = False) -> Encoder:
        """A new answer of which nothing is said yet; `remembers` what the client is told of it."""
        request = self.account.request
        self.fold = None if self.streamed else MessageFold()
        sink: Sink = SseSink() if self.fold is None else self.fold
        if remembers and self.streamed:
            sink = self.told = Told(sink)
        self.encoder = Encoder(sink, f"msg_{request.id.hex}", request.request_model, self.input_estimate)
        return self.encoder

    def interrupt(self, ending: Ending) -> None:
        """Stop whatever the request is waiting for, for good.

        A client that has its whole answer is not interrupted any more.
        """
        if self.ending is not None or self.client.done:
            return
        self.ending = ending
        self.task.cancel()

    def spoke(self, now: float) -> None:
        """Content went out to the client."""
        self._spoke_at = self._content_at = now

    def tick(self, now: float) -> None:
        """Called by the sweeper: end what is overdue, keep what is quiet alive."""
        if self.client.done:
            return
        fired = False
        for watch in self.watches:
            expired = watch.expired(now)
            if expired is not None and self.ending is None:
                watch.fire(expired)
                fired = True
        if not fired and self.streamed and self.encoder is not None and not self.client.writing:
            self._keep_alive(self.encoder, now)

    def _keep_alive(self, encoder: Encoder, now: float) -> None:
        if encoder.finished or encoder.failed is not None:
            return
        if not encoder.started:
            if now - self._began < settings.HOLD_BACK_SECONDS:
                return
            data = encoder.start() + encoder.ping()
        elif now - self._content_at >= settings.EMPTY_DELTA_SECONDS:
            data = encoder.keepalive()
            self._content_at = now
        elif now - self._spoke_at >= settings.PING_SECONDS:
            data = encoder.ping()
        else:
            return
        self._spoke_at = now
        self.client.queue(data)
        self._pinging = self.loop.create_task(self.client.flush())
