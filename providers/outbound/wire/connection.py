"""One connection: writes requests, and wakes who reads the responses."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import cast

from providers.outbound.common import poller
from providers.outbound.wire import limits
from providers.outbound.wire.reader import DONE, FAILED, IDLE, Failure, ResponseReader


class Connection(ResponseReader, asyncio.Protocol):
    """See ResponseReader for what has come. `expires`, on the loop's clock, is the pool's.

    `unsent` says that the last bytes of the request were not given to the event loop, or that it could not write them.
    """

    __slots__ = (
        "_gone", "_is_paused", "_is_writable", "_loop", "_poll", "_take", "_waiter", "_writer", "expires", "transport",
        "unsent",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, gone: Callable[[Connection], None]) -> None:
        """`gone` is called, perhaps twice, when the connection is closed; the phase is still as it was before."""
        super().__init__()
        self._loop = loop
        self._gone = gone
        self._waiter: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._poll: select.poll | None = None
        self._is_writable = True
        self._is_paused = self.unsent = False
        self.transport: asyncio.Transport | None = None
        self.expires = 0.0

    # --- asyncio calls these -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first callback."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The last callback."""
        self._gone(self)
        self.transport = None
        self._is_writable = True
        if self.phase != DONE:
            self._fail(Failure.LOST)
        self._wake_writer()

    def pause_writing(self) -> None:
        """The server takes less than is sent."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """What was sent has left."""
        self._is_writable = True
        self._wake_writer()

    # --- who sends a request calls these -----------------------------------------------------------------------------

    def send(self, head: bytes, body: bytes) -> bool:
        """Begins an exchange; writes a small request in one go. Returns False where `send_large` is needed."""
        if self.phase == IDLE:
            self.begin()
        transport = self.transport
        if transport is None or transport.is_closing():
            self.unsent = True
            self._fail(Failure.LOST)
        elif len(body) > limits.SMALL_BODY:
            return False
        else:
            transport.write(head + body)
            # It is closed at once where nothing could be written.
            self.unsent = transport.is_closing()
        return True

    def send_through(self, head: bytes) -> None:
        """Sends the request for a tunnel: nothing of HTTP follows the head of its response."""
        self._is_tunnel = True
        self.send(head, b"")

    async def send_large(self, head: bytes, body: bytes) -> None:
        """Writes a request in slices. Ends early when the connection is lost, or the server refuses the request."""
        self.unsent = True
        view, size = memoryview(body), limits.SLICE
        pieces = [memoryview(head), *(view[start : start + size] for start in range(0, len(body), size))]
        for piece in pieces:
            while not self._is_writable and not self._is_refused():
                self._writer = writer = self._loop.create_future()
                await writer
            if self.transport is None or self.transport.is_closing() or self._is_refused():
                return
            self.transport.write(piece)
        self.unsent = self.transport is None or self.transport.is_closing()

    def _is_refused(self) -> bool:
        return self.phase == FAILED or (self.head is not None and self.head.status >= 400)

    def wait(self) -> asyncio.Future[None]:
        """What to wait for in the phases HEAD and BODY, where no part is there. One reader alone may wait."""
        self._waiter = waiter = self._loop.create_future()
        self._take = None
        return waiter

    def push(self, take: Callable[[bytes], bool]) -> asyncio.Future[None]:
        """Calls `take` with what arrives, as it arrives, until it returns False or the body ends. What to wait for
        meanwhile, as for `wait`; what `take` raises comes out there."""
        waiter = self.wait()
        self._take = take
        return waiter

    def take(self) -> bytes:
        """Returns what has arrived, which must be something, and lets more come."""
        parts = self.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._held = 0
        if self._is_paused:
            self._resume()
        return data

    def is_reusable(self) -> bool:
        """Whether the answer has ended, and in a way that leaves the connection for another request."""
        head, transport = self.head, self.transport
        return (
            self.phase == DONE
            and head is not None
            and head.keep > 0
            and not self.unsent
            and transport is not None
            and not transport.is_closing()
        )

    def may_be_replaced(self) -> bool:
        """Whether a kept connection was lost before the request's last bytes left: no server can have processed it."""
        return self.unsent and self.used and not self.answering and self.failure is Failure.LOST

    def is_silent(self) -> bool:
        """Whether the server has neither sent nor closed anything since the connection is idle, as of this moment."""
        if self.transport is None:
            return False
        if self._poll is None:
            self._poll = poller(self.transport)
        return not self._poll.poll(0)

    def rest(self) -> None:
        """Makes a reusable connection idle."""
        self.parts.clear()
        self._held = 0
        self.phase = IDLE
        if self._is_paused:
            self._resume()

    def abort(self) -> None:
        """Closes the connection at once; whoever reads from it gets no more."""
        self._gone(self)
        super().abort()
        if self.transport is not None:
            self.transport.abort()
        self._wake()

    # --- the reader calls these --------------------------------------------------------------------------------------

    def _fail(self, failure: Failure) -> None:
        if self.transport is not None:
            self.transport.abort()
        super()._fail(failure)
        self._wake_writer()

    def _arrived(self, size: int) -> None:
        take = self._take
        # No variable for the waiter: what `take` raises ends there, and its traceback holds this frame.
        if take is None or self._waiter is None or self._waiter.done():
            super()._arrived(size)
            return
        # Hot: each read of a stream. Nobody is woken for it.
        parts = self.parts
        data = parts.pop()
        if parts:
            data = b"".join((*parts, data))
            parts.clear()
        try:
            takes_more = take(data)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self._wake(error)
        else:
            if not takes_more:
                self._wake()

    def _hold(self) -> None:
        if not self._is_paused and self.transport is not None and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        self._is_paused = False
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def _wake(self, error: Exception | None = None) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = self._take = None
            # It is done where whoever waited was cancelled.
            if not waiter.done():
                if error is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(error)
        if self._writer is not None:
            self._wake_writer()

    def _wake_writer(self) -> None:
        writer = self._writer
        if writer is not None:
            self._writer = None
            if not writer.done():
                writer.set_result(None)
