"""One answer on its way to the client, for the attempts that give it and the sweeper that keeps its stream alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from django.conf import settings

from providers.fidelity import Notes
from streaming.attempts.continuation import Transcript
from streaming.encoding import Sink
from streaming.encoding.encoder import Encoder
from streaming.exchange.client import Client
from streaming.exchange.lifecycle import NEVER, Lifecycle
from streaming.exchange.request import Request


class Answer:
    """The encoder with its sink, and where the bytes go.

    `new_sink` makes the ingress's form of an answer. `stream` is the client where the answer is streamed, None where it
    is sent in one piece or only read here. `transcript` is what another attempt could continue, on routes that do so.
    `answering_attempt` is the number of the attempt whose answer or error the client gets, 0 while there is none;
    `interrupted_attempts` are the numbers of those that another one continued. Nothing is sent before an attempt
    `has_begun`. `first_content_at` is in the event loop's seconds.
    """

    __slots__ = (
        "_client",
        "_content_at",
        "_lifecycle",
        "_message_id",
        "_new_sink",
        "_pinging",
        "_request",
        "_written_at",
        "answering_attempt",
        "encoder",
        "first_content_at",
        "has_begun",
        "interrupted_attempts",
        "sink",
        "stream",
        "transcript",
    )

    def __init__(
        self,
        request: Request,
        lifecycle: Lifecycle,
        new_sink: Callable[[], Sink],
        message_id: str,
        client: Client | None = None,
        continues: bool = False,
    ) -> None:
        self._request = request
        self._lifecycle = lifecycle
        self._new_sink = new_sink
        self._message_id = message_id
        self._client = client
        self._written_at = self._content_at = lifecycle.began
        self._pinging: asyncio.Task[None] | None = None
        self.stream = client if request.streamed else None
        self.answering_attempt = 0
        self.has_begun = False
        self.first_content_at: float | None = None
        self.interrupted_attempts: list[int] = []
        self.sink = new_sink()
        self.transcript = Transcript(self.sink) if continues and self.stream is not None else None
        self.encoder = self._new_encoder(self.sink if self.transcript is None else self.transcript)

    def start_over(self) -> None:
        """Begins the answer anew; nothing of it has been sent."""
        self.first_content_at = None
        self.sink = self._new_sink()
        self.encoder = self._new_encoder(self.sink)

    def note_fidelity(self, notes: Notes) -> None:
        """Stores what the translation lost, for a header of the answer."""
        if self._client is not None:
            self._client.fidelity = ",".join(notes)

    def note_first_content(self, now: float) -> None:
        """Notes that an attempt brought content, at `now` in the event loop's seconds."""
        if self.first_content_at is None:
            self.first_content_at = now

    def quiet_seconds(self, now: float) -> float:
        """Returns for how long no content was sent to the client."""
        return now - self._content_at

    def note_written(self, now: float) -> None:
        """Notes that content was sent to the client."""
        self._written_at = self._content_at = now

    def keep_alive(self, now: float) -> float:
        """Sends message_start, a ping or an empty delta where the stream has been quiet for too long; returns before
        when it need not, at `now` or earlier where that is not known."""
        client, encoder = self.stream, self.encoder
        if client is None or encoder.finished or encoder.failed is not None:
            return NEVER
        if not encoder.started:
            # Before the first attempt the request may wait for money of its budgets: a refusal keeps its status.
            due = self._lifecycle.began + settings.HOLD_BACK_SECONDS if self.has_begun else now
            if not self.has_begun or client.writing or now < due:
                return due
            data = encoder.start() + encoder.ping()
        else:
            empty_at, ping_at = (
                self._content_at + settings.EMPTY_DELTA_SECONDS,
                self._written_at + settings.PING_SECONDS,
            )
            if client.writing or now < min(empty_at, ping_at):
                return min(empty_at, ping_at)
            if now >= empty_at:
                data = encoder.keepalive()
                self._content_at = now
            else:
                data = encoder.ping()
        self._written_at = now
        client.queue(data)
        self._pinging = self._lifecycle.loop.create_task(client.flush())
        return now

    def _new_encoder(self, sink: Sink) -> Encoder:
        return Encoder(sink, self._message_id, self._request.model, self._request.input_estimate)
