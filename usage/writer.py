"""The one writer of usage rows: a thread per worker that takes finished records off the event loop and inserts batches.

A database that is away is waited for; a row that it refuses is set aside with its cause while the batch goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from usage import inserts
from usage.records import AttemptRecord, RequestRecord

logger = logging.getLogger("gateway.usage")

Finished = tuple[RequestRecord, tuple[AttemptRecord, ...]]

BATCH = 500
LINGER = 0.1
"""Seconds that a lone row waits for company."""
RETRY = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries while the database is away; the last one repeats."""


class Writer:
    """`put` from any thread; `stop` returns when everything put before is in the database, or the patience is over."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._give_up_at = float("inf")
        self.written = 0
        self.set_aside = 0
        self.failing_since: float | None = None

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage-writer", daemon=True)
            self._thread.start()

    def put(self, request: RequestRecord, attempts: tuple[AttemptRecord, ...]) -> None:
        """Hand over a finished request. Never blocks."""
        self._queue.put((request, attempts))

    @property
    def waiting(self) -> int:
        """How many finished requests are not yet in the database (about)."""
        return self._queue.qsize()

    def stop(self, patience: float = 10.0) -> None:
        """Write what is left, for at most `patience` seconds while the database is away, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._give_up_at = time.monotonic() + patience
        self._queue.put(None)
        thread.join(patience + 5.0)

    def _run(self) -> None:
        try:
            while True:
                batch, more = self._collect()
                if batch:
                    self._write(batch)
                if not more:
                    return
        finally:
            connection.close()

    def _collect(self) -> tuple[list[Finished], bool]:
        """The next batch, and False once the end mark was taken."""
        item = self._queue.get()
        if item is None:
            return [], False
        batch = [item]
        until = time.monotonic() + LINGER
        while len(batch) < BATCH:
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
        return batch, True

    def _write(self, batch: list[Finished]) -> None:
        tries = 0
        while True:
            try:
                self._insert(batch)
            except (OperationalError, InterfaceError) as error:
                if self.failing_since is None:
                    self.failing_since = time.time()
                    logger.warning(
                        "the database takes no usage rows; they wait", extra={"fields": {"cause": str(error)}}
                    )
                connection.close()
                pause = RETRY[min(tries, len(RETRY) - 1)]
                if time.monotonic() + pause > self._give_up_at:
                    logger.error("usage rows lost at exit", extra={"fields": {"rows": len(batch) + self.waiting}})
                    return
                time.sleep(pause)
                tries += 1
            except DatabaseError as error:
                self._refused(batch, error)
                return
            else:
                self.written += len(batch)
                if self.failing_since is not None:
                    logger.warning("the database takes usage rows again")
                    self.failing_since = None
                return

    def _refused(self, batch: list[Finished], error: DatabaseError) -> None:
        """Find the row that the database refuses by halving; the others are written."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._write(batch[:middle])
            self._write(batch[middle:])
            return
        self.set_aside += 1
        logger.error(
            "the database refused a usage row",
            extra={"fields": {"request_id": batch[0][0].request_id, "cause": str(error)}},
        )

    def _insert(self, batch: list[Finished]) -> None:
        with transaction.atomic():
            inserts.insert_requests([request for request, _ in batch])
            attempts = [attempt for _, attempts in batch for attempt in attempts]
            if attempts:
                inserts.insert_attempts(attempts)
