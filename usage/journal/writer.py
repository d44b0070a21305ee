"""The one writer of usage rows: a thread per worker that takes closed accounts off the event loop and inserts batches.

While the database is unavailable, accounts wait here and in the journal, which survives a crash. A row that it rejects
is set aside with the error, and the rest of the batch is inserted.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from enum import Enum, auto

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from usage import sqlite
from usage.budgets import dead_workers, spending
from usage.journal import inserts, rejected_rows
from usage.journal.account import Account
from usage.journal.on_sqlite.transaction import NewRows
from usage.journal.records import Finished
from usage.rollups import upsert

logger = logging.getLogger("gateway.usage")

BATCH = 500
"""Requests that are inserted at a time, at most."""
SOON = 0.1
"""Seconds that a row waits for others when none was written for QUIET seconds: somebody may be waiting for it."""
QUIET = 5.0
STUCK_SECONDS = 1.0
"""Seconds after which a batch that is not inserted shows that the database takes no rows."""
RETRY = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while the database is unavailable; the last one repeats."""


class _Mark(Enum):
    """What the thread is told."""

    WORK = auto()
    """There is an account, after there was none."""
    NOW = auto()
    """What waits must wait no longer; without accounts, find out whether the database takes rows."""
    END = auto()


class Prepared:
    """The statements of a batch, with all their values: a process without a connection can make them."""

    def __init__(self, batch: list[Finished], most_values: int) -> None:
        requests = [request for request, _ in batch]
        attempts = [attempt for _, made in batch for attempt in made]
        self.rows = inserts.statements(requests, attempts, most_values)
        self.rollups = upsert.statements(requests, attempts, most_values)
        self.requests = len(requests)
        self.count = len(requests) + len(attempts)


class _Unprepared(Exception):
    """Some of the rows are in the database already, or count in the windows of budgets."""


class Writer:
    """`put` accounts from any thread; `stop` returns when all are in the database, or when its time is up.

    `written` is called in the writer's thread with the accounts whose journal lines are no longer needed. A row waits
    `linger` seconds for others: a transaction costs what several rows do.
    """

    def __init__(self, written: Callable[[Collection[Account]], None], *, linger: float = 0.0) -> None:
        self._written = written
        self._linger = linger
        self._new_rows: NewRows | None = None
        self._accounts: deque[Account] = deque()
        self._marks: queue.SimpleQueue[_Mark] = queue.SimpleQueue()
        self._sleeps = False
        """Whether the thread waits for an account, as long as it takes."""
        self._wrote_at = float("-inf")
        self._busy_since: float | None = None
        self._thread: threading.Thread | None = None
        self._give_up_at = float("inf")
        self.set_aside = 0
        self.failing_since: float | None = None

    def start(self) -> None:
        """Starts the thread; a second call does nothing."""
        if self._thread is None:
            self._give_up_at = float("inf")
            self._thread = threading.Thread(target=self._run, name="usage-writer", daemon=True)
            self._thread.start()

    def put(self, account: Account, *, at_once: bool = False) -> None:
        """Queues a closed account, `at_once` if nothing else keeps it. Never blocks, and wakes the thread only where
        that sleeps, or has enough."""
        self._accounts.append(account)
        if self._sleeps:
            self._sleeps = False
            self._marks.put(_Mark.WORK)
        if at_once or len(self._accounts) == BATCH:
            self._marks.put(_Mark.NOW)

    def test(self) -> None:
        """Finds out whether the database takes rows, if no rows are on their way to it."""
        if self._busy_since is None and self._marks.empty():
            self._marks.put(_Mark.NOW)

    def takes_rows(self) -> bool:
        """Whether the database takes rows, as far as the latest batch shows: it must not fail, nor wait for long."""
        busy = self._busy_since
        return self.failing_since is None and (busy is None or time.monotonic() - busy < STUCK_SECONDS)

    @property
    def waiting(self) -> int:
        """The approximate number of closed accounts that are not in the database yet."""
        return len(self._accounts)

    def stop(self, patience: float = 10.0) -> None:
        """Writes what is left, for at most `patience` seconds if the database is unavailable, and ends the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._give_up_at = time.monotonic() + patience
        self._marks.put(_Mark.END)
        thread.join(patience + 5.0)

    def write_through(self, batch: list[Finished]) -> bool:
        """Inserts a batch in the caller's thread, and sets rejected rows aside; returns False when the database is
        unavailable."""
        try:
            self._insert_or_set_aside(batch, again=True)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database takes no usage rows; they wait", extra={"fields": {"cause": str(error)}})
            connection.close()
            return False
        return True

    def return_block(self, worker: str, *, all_known: bool = False) -> bool:
        """Gives back what a worker held of budgets that is gone, in the caller's thread; returns False when the
        database is unavailable. With `all_known` it ended in order, and every row is written."""
        try:
            dead_workers.return_block(worker, all_known=all_known)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database takes no money of budgets back", extra={"fields": {"cause": str(error)}})
            connection.close()
            return False
        return True

    def write_prepared(self, prepared: Prepared, batch: Callable[[], list[Finished]]) -> bool:
        """Does the same with new rows in the fewest statements. If some of them are there already, or rejected, or may
        count in windows of budgets, it takes longer, and `batch` makes the rows again."""
        if spending.any_windows():
            return self.write_through(batch())
        try:
            with transaction.atomic():
                if sum(sqlite.execute_any(*statement) for statement in prepared.rows) != prepared.count:
                    raise _Unprepared
                if spending.any_windows():
                    raise _Unprepared
                for statement in prepared.rollups:
                    sqlite.execute_any(*statement)
        except (_Unprepared, DatabaseError):
            return self.write_through(batch())
        return True

    def _run(self) -> None:
        try:
            # What another thread has made is of its connection.
            self._new_rows = None
            mark = _Mark.WORK
            # Whoever ends the thread waits for all rows.
            while mark is not _Mark.END or self._accounts:
                mark = mark if mark is _Mark.END else self._wait()
                batch = [self._accounts.popleft() for _ in range(min(len(self._accounts), BATCH))]
                if batch or mark is _Mark.NOW:
                    self._busy_since = time.monotonic()
                    self._write_or_leave(batch)
                    self._busy_since, self._wrote_at = None, time.monotonic()
        finally:
            connection.close()

    def _wait(self) -> _Mark:
        """Returns when a batch must be written, perhaps one of no rows, and what said so."""
        self._sleeps = True
        mark = _Mark.WORK
        while mark is _Mark.WORK and not self._accounts:
            mark = self._marks.get()
        self._sleeps = False
        now = time.monotonic()
        until = now + (self._linger if now - self._wrote_at < QUIET else min(SOON, self._linger))
        while mark is _Mark.WORK and len(self._accounts) < BATCH and (left := until - time.monotonic()) > 0:
            try:
                mark = self._marks.get(timeout=left)
            except queue.Empty:
                break
        return mark

    def _write_or_leave(self, accounts: list[Account]) -> None:
        try:
            self.write(accounts)
        except Exception:
            # The thread must go on; these accounts stay in the journal until the next start.
            logger.exception("usage rows left in the journal", extra={"fields": {"rows": len(accounts)}})
            connection.close()

    def write(self, accounts: list[Account]) -> None:
        """Writes closed accounts in the caller's thread, which is the writer's own while that runs."""
        batch = [(account.request, account.attempts) for account in accounts]
        tries = 0
        while not self._try(batch):
            pause = RETRY[min(tries, len(RETRY) - 1)]
            if time.monotonic() + pause > self._give_up_at:
                logger.error("usage rows left in the journal at exit", extra={"fields": {"rows": len(batch)}})
                return
            time.sleep(pause)
            tries += 1
        self._written(accounts)

    def _try(self, batch: list[Finished]) -> bool:
        try:
            self._insert_or_set_aside(batch, again=self.set_aside > 0)
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

    def _insert_or_set_aside(self, batch: Sequence[Finished], again: bool) -> None:
        """Inserts a batch. A row that the database rejects is found by bisection and set aside.

        `again`: some may have been set aside before. Raises when the database is unavailable.
        """
        try:
            self._insert(batch, again)
        except (OperationalError, InterfaceError):
            raise
        except (DatabaseError, ValueError, OverflowError) as error:
            # Its driver rejects rows, too, such as those with a number that fits no column.
            if len(batch) == 1:
                self.set_aside += rejected_rows.set_aside(batch[0], error)
                return
            middle = len(batch) // 2
            self._insert_or_set_aside(batch[:middle], again)
            self._insert_or_set_aside(batch[middle:], again)

    def _insert(self, batch: Sequence[Finished], again: bool) -> None:
        if batch and not again:
            if self._new_rows is None:
                self._new_rows = NewRows()
            if self._new_rows.add(batch):
                return
        requests = [request for request, _ in batch]
        attempts = [attempt for _, made in batch for attempt in made]
        with transaction.atomic():
            if not batch:
                inserts.take_locks()
            if again:
                rejected_rows.lock(requests)
            new = inserts.insert(requests, attempts)
            added = requests
            if len(new) < len(requests) + len(attempts):
                added = [request for request in requests if request.id in new]
                attempts = [attempt for attempt in attempts if attempt.id in new]
            upsert.add(added, attempts)
            spending.add(requests, attempts, rejected_rows.take_back(added) if again else {})
