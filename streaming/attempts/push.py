"""Most of a stream passes here: from the provider's connection through decoder and encoder to the client in one call.

Nobody is woken for it. What needs more than that (the end, a failure, a client that does not read, money) is left to
the attempt, in the same order.
"""

from __future__ import annotations

import asyncio

from providers.dialects.contract import Decoder
from providers.outbound.upstream import Response
from streaming.budgets.request import AttemptMoney
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client
from streaming.exchange.lifecycle import Watch


class Push:
    """Passes on an answer whose first content was sent."""

    __slots__ = ("_answer", "_client", "_decoder", "_encoder", "_left", "_loop", "_money", "_response", "_watch")

    def __init__(
        self,
        response: Response,
        decoder: Decoder,
        client: Client,
        answer: Answer,
        loop: asyncio.AbstractEventLoop,
        watch: Watch,
        money: AttemptMoney | None,
    ) -> None:
        self._response, self._decoder = response, decoder
        self._answer, self._encoder, self._client = answer, answer.encoder, client
        self._loop, self._watch, self._money = loop, watch, money
        self._left: bytes | None = None

    async def until_left(self) -> bytes | None:
        """Passes on what arrives; returns what was encoded and not sent, None where more is to be read first."""
        pushing = self._response.push_to(self._take)
        if pushing is not None:
            try:
                await pushing
            finally:
                del pushing  # It holds what it raises, whose traceback holds this frame.
        left, self._left = self._left, None
        return left

    def _take(self, data: bytes) -> bool:
        """Passes on what a read has brought; returns whether more may come this way."""
        # Hot: each read of a stream.
        events = self._decoder.feed(data)
        if not events:
            return True
        encoder, money, now = self._encoder, self._money, self._loop.time()
        written = encoder.feed(events)
        if encoder.is_open and (money is None or money.quiet_for is encoder.tokens):
            if not written:
                self._watch.touch(now)
                return True
            if self._client.write_now(written):
                self._answer.note_written(now)
                self._watch.touch(now)
                return True
        self._left = written
        return False
