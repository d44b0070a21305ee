"""What a serving process has one of: the snapshot store, the writer, the connections, the sweeper, the live requests.

proxysite.asgi makes it; pages of the same process find it with `current`.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from django.conf import settings

from access.allowances import stores
from access.allowances.limits import LimitRecord
from access.keys import KeyRecord
from providers.counting.tokenizer import TokenPool
from providers.outbound.upstream import Upstreams
from routing.facts.request_facts import TokenRatios
from routing.health import CircuitSettings, Health
from routing.health.sharing import Sharing
from routing.loading.store import store
from routing.snapshot import Snapshot
from routing.watch.watcher import Watcher
from streaming import custom_router, key_watch, playground, stale
from streaming.budgets.budgets import Budgets
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending
from streaming.exchange.load import Load
from streaming.exchange.sweeper import Sweeper
from streaming.limits import Limits, Standing
from streaming.outcome.distinct import Distinct
from streaming.playground import SessionWatch
from streaming.refused_keys import RefusedKeys
from usage.journal.housekeeper import Housekeeper
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.records import RequestRecord
from usage.journal.writer import Writer

logger = logging.getLogger("gateway.runtime")

_STANDING_SECONDS = 1.0
"""How long a page waits for what is used of limits."""
_LAST_ENDED = 50
_SHOWN_SECONDS = 600.0
"""How long a warning is shown of what was set right at once."""


class Companion(Protocol):
    """What runs beside requests and is of a room above: started after everything else and stopped first."""

    def start(self) -> None:
        """Starts it; returns at once."""

    def stop(self) -> None:
        """Ends it; may wait a few seconds."""


class Runtime:
    """Start it in a running loop; stop it when nothing is served any more.

    With `pages_only` the process has pages and no API: of what is started it has the snapshot, the circuits of the
    workers and what they count against limits, all to be read. Journal, writer, housekeeper, budgets and companions
    are those of the gateway's processes.
    """

    def __init__(self, *, pages_only: bool = False) -> None:
        self.pages_only = pages_only
        self.store = store
        self.journal = Journal(
            settings.JOURNAL_DIR,
            fsync_always=settings.JOURNAL_FSYNC == "always",
            max_bytes=settings.JOURNAL_MAX_BYTES,
        )
        self.recorder = Recorder(Writer(self.journal.written, linger=settings.USAGE_LINGER), self.journal)
        self.budgets = Budgets(self.journal.folder.name, settings.DATA_DIR / "budget-marks", self.journal)
        self.housekeeper = Housekeeper(self.journal, self.recorder.writer, adopt_seconds=settings.ADOPT_SECONDS)
        self.upstreams = Upstreams()
        self.health = Health(
            CircuitSettings(
                enabled=settings.CIRCUIT_BREAKER,
                failures=settings.CIRCUIT_FAILURES,
                open_seconds=settings.CIRCUIT_SECONDS,
            )
        )
        self.sharing = Sharing(self.health, reads_only=pages_only)
        self.watcher = Watcher([self.store, self.sharing])
        self.custom = custom_router.load()
        self.exchanges: set[Exchange] = set()
        """The requests that are being answered."""
        self.ended: deque[RequestRecord] = deque(maxlen=_LAST_ENDED)
        """Those that were answered last."""
        self.load = Load(
            requests=settings.MAX_REQUESTS_PER_KEY,
            bodies=settings.MAX_BODIES_BYTES,
            bodies_of_key=settings.MAX_BODIES_BYTES_PER_KEY,
        )
        self.allowances = stores.chosen()
        """What was counted against limits."""
        self.keeper = stores.Keeper(self.allowances)
        self.limits = Limits(self.allowances, cache_reads_count=settings.LIMIT_INPUT_TOKENS == "all")
        self.refused_keys = RefusedKeys(settings.REFUSED_KEYS_PER_MINUTE, tuple(settings.TRUSTED_PROXIES))
        self.sweeper = Sweeper(self.exchanges)
        self.session_watch = SessionWatch(self.exchanges)
        if settings.REVOKED_KEYS == "cut":
            self.sweeper.add_chore(key_watch.INTERVAL, key_watch.KeyWatch(self.exchanges, self._keys).look)
            self.sweeper.add_chore(playground.INTERVAL, self.session_watch.begin)
        self.ratios = TokenRatios()
        self.distinct = Distinct()
        self.token_pool = TokenPool()
        self.companions: list[Companion] = [] if pages_only else [make(self) for make in companions]
        self.reporters: list[Companion] = [make(self) for make in reporters]
        self.retry_limit: float = settings.RETRY_AFTER_LIMIT
        """The longest `retry-after` that is waited for, in seconds."""
        self._serves_unaccounted = settings.UNACCOUNTED == "serve"
        self.draining = False
        self.started = False
        """Whether `start` has finished."""
        self._starting = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Loads the snapshot and starts the threads and the sweeper; a second call does nothing."""
        async with self._starting:
            if self.started:
                return
            self._loop = loop = asyncio.get_running_loop()
            if not self.pages_only:
                stores.name_place()
                self._open_accounts()
            self.store.subscribe(functools.partial(self._changed, loop))
            self.sharing.start(self.watcher.wake)
            await loop.run_in_executor(None, self.watcher.start)
            await self.keeper.start()
            if not self.pages_only:
                self._start_answering()
            for reporter in self.reporters:
                reporter.start()
            self.started = True

    def _start_answering(self) -> None:
        self.budgets.start()
        self.sweeper.start()
        # Servers without a lifespan (Daphne) give no notice of their end; the rows must be written all the same.
        atexit.register(self._close_accounts)
        for companion in self.companions:
            companion.start()

    async def stop(self) -> None:
        """Writes every row and closes every connection."""
        if not self.started:
            return
        self.started = False
        await self.sweeper.stop()
        await self.session_watch.stop()
        await self.limits.settled()
        await self.keeper.stop()
        await self.upstreams.close()
        self.token_pool.close()
        await self.budgets.stop()
        loop = asyncio.get_running_loop()
        for companion in (*self.reporters, *self.companions):
            await loop.run_in_executor(None, companion.stop)
        await loop.run_in_executor(None, self.watcher.stop)
        self.sharing.stop()
        self.store.stop()
        if not self.pages_only:
            await loop.run_in_executor(None, self._close_accounts)
            atexit.unregister(self._close_accounts)

    def end_all(self) -> None:
        """Ends every running request with an error event, at the deadline of a shutdown."""
        for exchange in tuple(self.exchanges):
            exchange.interrupt(Ending.SHUTDOWN)

    def refusal(self) -> str | None:
        """Returns why requests are refused now because they would leave no usage row, None while they are served."""
        return None if self._serves_unaccounted else self.recorder.refusal()

    def warnings(self, *, public: bool = False) -> list[str]:
        """Returns what is wrong with this worker's snapshot and accounts; `public`: no paths and details."""
        old = stale.warning(self.store.age, settings.MAX_STALE)
        found = [] if old is None else [old]
        gone_at = self.journal.disappeared_at
        if gone_at is not None and time.time() - gone_at < _SHOWN_SECONDS:
            moment = datetime.fromtimestamp(gone_at, UTC).strftime("%H:%M:%S")
            place = "" if public else f" from {self.journal.folder.parent}"
            found.append(
                f"Files of the usage journal disappeared{place} and were written anew at {moment} UTC. Nothing but the "
                "gateway may remove files there."
            )
        if self.journal.failing is not None:
            found.append(f"The usage journal cannot be written{'' if public else f': {self.journal.failing}'}.")
        if self.recorder.writer.failing_since is not None:
            found.append(
                f"The database accepts no usage rows; {self.recorder.writer.waiting} are waiting, "
                f"{self.journal.size // 1024} KiB are in the journal."
            )
        if self.custom.trouble is not None:
            found.append("The custom router failed." if public else self.custom.trouble)
        return found

    def standing(self, limits: Sequence[LimitRecord]) -> list[Standing]:
        """Returns how much of each limit is used, None where the store does not say so at once: for pages, which run in
        threads of their own."""
        if self._loop is None or (self.pages_only and not stores.are_shared()):
            return [Standing(limit, None, None) for limit in limits]
        asked = asyncio.run_coroutine_threadsafe(self.limits.standing(limits), self._loop)
        try:
            return asked.result(_STANDING_SECONDS)
        except TimeoutError:
            asked.cancel()
            return [Standing(limit, None, None) for limit in limits]

    def _keys(self) -> Mapping[str, KeyRecord] | None:
        snapshot = self.store.current
        return None if snapshot is None else snapshot.keys

    def _open_accounts(self) -> None:
        self.journal.start()
        self.recorder.writer.start()
        self.housekeeper.start()

    def _close_accounts(self) -> None:
        self.housekeeper.stop()
        self.recorder.writer.stop()
        returned = not self.journal.is_settled or self.recorder.writer.return_block(self.budgets.worker, all_known=True)
        # Whoever adopts the folder gives back what this worker could not.
        self.journal.stop(keep_folder=not returned and bool(self.budgets.current))

    def _changed(self, loop: asyncio.AbstractEventLoop, snapshot: Snapshot) -> None:
        """In the watching thread: drops connections and circuits that the new configuration does not have."""
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(self.upstreams.keep_only(snapshot.providers), loop)
            loop.call_soon_threadsafe(self.health.reconfigure, snapshot)


companions: list[Callable[[Runtime], Companion]] = []
"""What makes the companions of a runtime: rooms above add theirs before it is made."""
reporters: list[Callable[[Runtime], Companion]] = []
"""What makes those that a process with pages alone has, too."""
_current: Runtime | None = None


def serve(*, pages_only: bool = False) -> Runtime:
    """Returns the runtime of this process, made by the first call, which also says whether it has pages only."""
    global _current
    if _current is None:
        _current = Runtime(pages_only=pages_only)
    return _current


def current() -> Runtime | None:
    """Returns the runtime of this process, None in one that does not serve: a command, a test."""
    return _current
