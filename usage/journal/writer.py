"""The one writer of usage rows: a thread per worker that takes closed accounts off the event loop and inserts batches.

A database that is away is waited for, with the journal as the memory that survives; a row that it refuses is set aside
with its cause while the batch goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from usage.journal import inserts, texts
from usage.journal.account import Account
from usage.journal.records import Finished
from usage.models import SetAside
from usage.rollups import upsert

logger = logging.getLogger("gateway.usage")

BATCH = 500
"""Requests that are inserted at a time, at most."""
LINGER = 0.1
"""Seconds that a lone row waits for company."""
RETRY = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries while the database is away; the last one repeats."""


class Writer:
    """`put` from any thread; `stop` returns when everything put before is in the database, or the patience is over.

    `written` is called in the writer's thread with every account that needs its journal lines no more.
    """

    def __init__(self, written: Callable[[Account], None]) -> None:
        self._written = written
        self._queue: queue.SimpleQueue[Account | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._give_up_at = float("inf")
        self.set_aside = 0
        self.failing_since: float | None = None

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._give_up_at = float("inf")
            self._thread = threading.Thread(target=self._run, name="usage-writer", daemon=True)
            self._thread.start()

    def put(self, account: Account) -> None:
        """Hand over a closed account. Never blocks."""
        self._queue.put(account)

    @property
    def waiting(self) -> int:
        """How many closed accounts are not yet in the database (about)."""
        return self._queue.qsize()

    def stop(self, patience: float = 10.0) -> None:
        """Write what is left, for at most `patience` seconds while the database is away, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._give_up_at = time.monotonic() + patience
        self._queue.put(None)
        thread.join(patience + 5.0)

    def write_through(self, batch: list[Finished]) -> bool:
        """Insert a batch in the caller's thread; False when the database is away. Refused rows are set aside."""
        try:
            self._insert_or_set_aside(batch)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database takes no usage rows; they wait", extra={"fields": {"cause": str(error)}})
            connection.close()
            return False
        return True

    def _run(self) -> None:
        try:
            while True:
                accounts, more = self._collect()
                if accounts:
                    self._write_or_leave(accounts)
                if not more:
                    return
        finally:
            connection.close()

    def _collect(self) -> tuple[list[Account], bool]:
        """The next batch, and False once the end mark was taken."""
        account = self._queue.get()
        if account is None:
            return [], False
        batch = [account]
        until = time.monotonic() + LINGER
        while len(batch) < BATCH:
            try:
                account = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if account is None:
                return batch, False
            batch.append(account)
        return batch, True

    def _write_or_leave(self, accounts: list[Account]) -> None:
        try:
            self._write(accounts)
        except Exception:
            # The thread must live; these accounts stay in the journal for the next start.
            logger.exception("usage rows left in the journal", extra={"fields": {"rows": len(accounts)}})
            connection.close()

    def _write(self, accounts: list[Account]) -> None:
        batch = [(account.request, account.attempts) for account in accounts]
        tries = 0
        while not self._try(batch):
            pause = RETRY[min(tries, len(RETRY) - 1)]
            if time.monotonic() + pause > self._give_up_at:
                logger.error("usage rows left in the journal at exit", extra={"fields": {"rows": len(batch)}})
                return
            time.sleep(pause)
            tries += 1
        for account in accounts:
            self._written(account)

    def _try(self, batch: list[Finished]) -> bool:
        try:
            self._insert_or_set_aside(batch)
        except (OperationalError, InterfaceError) as error:
            if self.failing_since is None:
                self.failing_since = time.time()
                logger.warning("the database takes no usage rows; they wait", extra={"fields": {"cause": str(error)}})
            connection.close()
            return False
        if self.failing_since is not None:
            logger.warning("the database takes usage rows again")
            self.failing_since = None
        return True

    def _insert_or_set_aside(self, batch: Sequence[Finished]) -> None:
        """Insert; a row that the database refuses is found by halving and set aside. Raises when it is away."""
        try:
            self._insert(batch)
        except (OperationalError, InterfaceError):
            raise
        except (DatabaseError, ValueError, OverflowError) as error:
            # Not only the database refuses: its driver does, say, a number that fits no column.
            if len(batch) == 1:
                self._set_aside(batch[0], error)
                return
            middle = len(batch) // 2
            self._insert_or_set_aside(batch[:middle])
            self._insert_or_set_aside(batch[middle:])

    def _set_aside(self, finished: Finished, error: Exception) -> None:
        request, attempts = finished
        SetAside.objects.create(
            request_id=request.request_id,
            cause=texts.cutter(1_000)(str(error)),
            payload=texts.without_nul(msgspec.to_builtins({"request": request, "attempts": attempts})),
        )
        self.set_aside += 1
        logger.error(
            "the database refused a usage row: it is set aside",
            extra={"fields": {"request_id": request.request_id, "cause": str(error)}},
        )

    def _insert(self, batch: Sequence[Finished]) -> None:
        requests = [request for request, _ in batch]
        with transaction.atomic():
            new = inserts.insert(requests, [attempt for _, attempts in batch for attempt in attempts])
            upsert.add([request for request in requests if request.id in new])
