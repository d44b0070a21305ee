"""One POST /v1/messages from admission to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from access.keys import KeyRecord
from routing.health import Caller
from streaming.budgets.request import RequestBudgets
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client, Receive
from streaming.exchange.lifecycle import CANCELLED, NEVER, Ending, Lifecycle
from streaming.exchange.load import Share
from streaming.exchange.quota import Quota
from streaming.limits import Held
from usage.journal.account import Account


class Exchange:
    """What belongs to one request, each part with an owner of its own.

    `caller` is whose failures the circuits count, `share` is what it holds of the process, `held` what it took of its
    rate limits, `budgets` are those of its key. `answer` is set once a route is chosen. Only
    streaming.outcome.accounting writes to `account`. `outcome`, `error_type`, `error_code`, `error_message` and
    `sentence_code` say how the request ended.
    """

    __slots__ = (
        "_watcher",
        "_when_left",
        "account",
        "answer",
        "budgets",
        "caller",
        "client",
        "error_code",
        "error_message",
        "error_type",
        "headers",
        "held",
        "key",
        "lifecycle",
        "outcome",
        "sentence_code",
        "share",
    )

    def __init__(
        self, account: Account, client: Client, key: KeyRecord, headers: Mapping[str, str], lifecycle: Lifecycle
    ) -> None:
        self.account = account
        self.client = client
        self.key = key
        self.caller = Caller(key.id)
        self.headers = headers
        self.lifecycle = lifecycle
        self.answer: Answer | None = None
        self.budgets: RequestBudgets | None = None
        self.share: Share | None = None
        self.held: Held | None = None
        self.outcome = ""
        self.error_type = ""
        self.error_code = ""
        self.error_message = ""
        self.sentence_code = ""
        self._watcher: asyncio.Task[None] | None = None
        self._when_left: Callable[[Callable[[], None] | None], None] | None = None

    @property
    def quota(self) -> Quota | None:
        """Returns the budget of the caller that is nearest its cap, None where no budget binds."""
        return self.client.quota

    @quota.setter
    def quota(self, quota: Quota | None) -> None:
        self.client.quota = quota

    def watch_client(self, receive: Receive) -> None:
        """Interrupts the request as soon as the client leaves; call it when the body has been read.

        The gateway's own server calls whoever its request was told of; with any other a task waits for it.
        """
        self._when_left = getattr(getattr(receive, "__self__", None), "when_left", None)
        if self._when_left is not None:
            self._when_left(self._left)
            return
        self._watcher = self.lifecycle.loop.create_task(self._interrupt_on_disconnect(receive))

    def close(self) -> None:
        """Stops watching the client, and gives back what the request held."""
        if self.share is not None:
            self.share.leave()
        if self.held is not None:
            self.held.settle(self.account.attempts)
        if self._when_left is not None:
            self._when_left(None)
        # The reference is dropped: a cancelled task holds its frame and with it this exchange, so that only the garbage
        # collector could free both, and all that hangs on them.
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()

    def interrupt(self, ending: Ending) -> None:
        """Ends the request, unless the client has its complete answer."""
        if not self.client.done:
            self.lifecycle.end(ending)

    def tick(self, now: float, late: float = 0.0, most: float = 0.0) -> float:
        """Cancels what is overdue and keeps a quiet stream alive; the sweeper calls it."""
        if self.client.done:
            return NEVER
        spare_until = self.lifecycle.tick(now, late, most)
        if spare_until == CANCELLED or self.answer is None:
            return spare_until
        return min(spare_until, self.answer.keep_alive(now))

    def _left(self) -> None:
        self.interrupt(Ending.CLIENT_CLOSED)

    async def _interrupt_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left()
