"""One background thread per worker: syncs and checks the journal, adopts the journals of dead workers, creates the
partitions of the coming months, the windows of budgets and the rollups of months that are over, and deletes files that
jobs prepared a while ago."""

from __future__ import annotations

import logging
import threading
import time

from django.db import Error as DatabaseError
from django.db import connection

from usage.budgets import dead_workers, opening
from usage.journal import partitions, replay
from usage.journal.journal import Journal
from usage.journal.writer import Writer
from usage.money import to_dollars
from usage.reports.rows import file
from usage.rollups import months

logger = logging.getLogger("gateway.usage")

SYNC_SECONDS = 1.0
_CALM_SECONDS = 10.0
"""How long it waits while the journal holds nothing; a line that is appended wakes it."""
_SETTLE_EVERY = 3
"""Of so many looks for journals of dead workers one is for their money, too: it needs the database."""
MONTHS_SECONDS = 86_400.0
RETRY_SECONDS = 60.0
WINDOWS_SECONDS = 60.0
"""Within which a budget that nobody draws from has its window."""
ROLLUPS_SECONDS = 60.0
"""A month's rollup is built in each of these, of those that are over and not built."""
FILES_SECONDS = 3_600.0


class Housekeeper:
    """Start it after the journal and stop it before."""

    def __init__(self, journal: Journal, writer: Writer, *, adopt_seconds: float) -> None:
        self._journal = journal
        self._writer = writer
        self._adopt_seconds = adopt_seconds
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._adoptions = 0
        self.last: dict[str, float] = {}
        """When each of its tasks was done last, in POSIX seconds; one that failed keeps the time of before."""

    def start(self) -> None:
        """Starts the thread, which first creates partitions and adopts journals."""
        self._stopping.clear()
        self._journal.on_unsynced = self._wake.set
        self._thread = threading.Thread(target=self._run, name="usage-housekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._wake.set()
            thread.join(10)

    def _run(self) -> None:
        adopt_at = months_at = windows_at = rollups_at = files_at = 0.0
        try:
            while True:
                self._journal.sync()
                self._test()
                if self._journal.failing is None:
                    self._done("journal")
                if time.monotonic() >= months_at:
                    months_at = time.monotonic() + (MONTHS_SECONDS if self._make_months() else RETRY_SECONDS)
                if time.monotonic() >= windows_at:
                    self._open_windows()
                    windows_at = time.monotonic() + WINDOWS_SECONDS
                if time.monotonic() >= adopt_at:
                    self._adopt()
                    adopt_at = time.monotonic() + self._adopt_seconds
                if time.monotonic() >= rollups_at:
                    self._build_month()
                    rollups_at = time.monotonic() + ROLLUPS_SECONDS
                if time.monotonic() >= files_at:
                    self._delete_files()
                    files_at = time.monotonic() + FILES_SECONDS
                if self._waited():
                    return
        finally:
            connection.close()

    def _waited(self) -> bool:
        """Waits until there may be something to do; returns whether it is to stop."""
        if self._is_calm():
            self._wake.wait(min(_CALM_SECONDS, self._adopt_seconds))
            self._wake.clear()
            if self._is_calm():
                return self._stopping.is_set()
        return self._stopping.wait(min(SYNC_SECONDS, self._adopt_seconds))

    def _is_calm(self) -> bool:
        """Whether nothing has to be done until something is appended to the journal."""
        journal = self._journal
        return journal.is_settled and not journal.unsynced and journal.failing is None and self._writer.takes_rows()

    def _done(self, task: str) -> None:
        self.last[task] = time.time()

    def _test(self) -> None:
        """Finds out what no request may show: that a file is gone, or that journal and database fail at once."""
        self._journal.check(by_writing=not self._writer.takes_rows())
        if self._journal.failing is not None:
            self._writer.test()

    def _adopt(self) -> None:
        try:
            own = self._journal.folder
            replay.adopt(own.parent, own, self._writer.write_through, self._writer.return_block)
            self._adoptions += 1
            if self._adoptions % _SETTLE_EVERY == 1:
                _settle()
            self._done("dead workers")
        except DatabaseError as error:
            logger.warning("dead workers wait for the database", extra={"fields": {"cause": str(error)}})
            connection.close()
        except Exception:
            # The thread must go on; what was not adopted is tried again next time.
            logger.exception("a journal could not be adopted")
            connection.close()

    def _open_windows(self) -> None:
        try:
            opening.open_windows(unless_another=True)
            self._done("windows of budgets")
        except DatabaseError as error:
            logger.warning("no windows of budgets made ahead", extra={"fields": {"cause": str(error)}})
            connection.close()
        except Exception:
            # The thread must go on.
            logger.exception("windows of budgets could not be made ahead")
            connection.close()

    def _build_month(self) -> None:
        try:
            months.build_next()
            self._done("rollups of months")
        except DatabaseError as error:
            logger.warning("no month's rollup built; pages add up days", extra={"fields": {"cause": str(error)}})
            connection.close()
        except Exception:
            # The thread must go on.
            logger.exception("a month's rollup could not be built")
            connection.close()

    def _delete_files(self) -> None:
        try:
            file.delete_old()
            self._done("prepared files")
        except OSError as error:
            logger.warning("old files of usage were not deleted", extra={"fields": {"cause": str(error)}})

    def _make_months(self) -> bool:
        """Creates the partitions of this month and the next ones; returns False when the database is unavailable."""
        try:
            partitions.ensure()
        except DatabaseError as error:
            logger.warning(
                "no partitions made ahead; the default one takes the rows", extra={"fields": {"cause": str(error)}}
            )
            connection.close()
            return False
        self._done("partitions")
        return True


def _settle() -> None:
    for worker, amount in dead_workers.settle_dead().items():
        fields = {"worker": worker, "dollars": str(to_dollars(amount))}
        logger.error(
            "a worker is gone and its journal was not found: what it held stays spent", extra={"fields": fields}
        )
