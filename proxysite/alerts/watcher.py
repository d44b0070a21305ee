"""Two threads per worker. In one it looks at itself, also while the database does not answer. In the other the worker
with the lease watches what is in the database, closes months, and sends."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from access.outbox import alerts, queue
from proxysite.alerts import budgets, circuits, keys, local, sending
from proxysite.alerts.direct import Direct, was_sent
from routing.watch.news import Topic
from streaming.runtime import Runtime
from usage.statements import mails, schedule

logger = logging.getLogger("gateway.alerts")

TICK_SECONDS = 2.0
"""How often the worker with the lease looks for messages to send while there are some, or may be."""
_CALM_SECONDS = 10.0
"""How often it looks whether something else is due."""
LOCAL_SECONDS = 10.0
WATCH_SECONDS = 30.0
LEARN_SECONDS = 300.0
FORGET_SECONDS = 86_400.0
MESSAGES_SECONDS = 30.0
"""How often it looks for messages whether the database has changed or not."""
CLOSE_SECONDS = 300.0
"""How often it looks for months that are to be closed."""
_PATIENCE = 5.0
"""Seconds that a stop waits."""
_MOST_AT_ONCE = 20
"""Messages that are sent before the worker looks around again."""


class AlertWatcher:
    """Start it after the runtime and stop it before."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._local = local.LocalWatch(runtime)
        self._direct = Direct()
        self._holder = f"{socket.gethostname()[:20]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._failing = False
        self._has_lease = False
        self._news = True
        """Whether there may be messages to send."""
        self._looked_at = 0.0
        self._due: dict[str, float] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads."""
        self._stopping.clear()
        # The first look comes soon.
        self._wake.set()
        self._looked_at = time.monotonic()
        self._runtime.watcher.listen(Topic.MESSAGES, self._changed)
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._run, "alerts"), (self._run_local, "alerts-local"))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads, and waits a few seconds for the message that is being sent."""
        threads, self._threads = self._threads, []
        self._stopping.set()
        self._wake.set()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def watch(self, now: datetime) -> None:
        """Raises and ends the alerts of what is in the database. Raises django.db.Error."""
        are_open = alerts.are_open()
        for prefix, find in (
            (budgets.BUDGETS, budgets.passed_thresholds),
            (budgets.DEAD_WORKERS, budgets.dead_workers),
            (keys.KEYS, keys.expiring),
            (circuits.CIRCUITS, circuits.open_circuits),
        ):
            found = find(now)
            alerts.raise_all(found, now)
            if are_open:
                alerts.end_others(prefix, found, now)
        for prefix in (local.SNAPSHOT, local.JOURNAL) if are_open else ():
            alerts.end_unseen(prefix, now)

    def _run(self) -> None:
        try:
            while not self._waited():
                try:
                    self._work()
                    self._works()
                except DatabaseError as error:
                    self._failed(error)
                except Exception:
                    # The thread must go on.
                    logger.exception("watching for alerts failed")
                    connection.close()
            self._leave()
        finally:
            connection.close()

    def _run_local(self) -> None:
        try:
            while not self._stopping.wait(LOCAL_SECONDS):
                try:
                    self._look_at_itself()
                except DatabaseError as error:
                    logger.warning("an alert waits for the database", extra={"fields": {"cause": str(error)}})
                    connection.close()
                except Exception:
                    # The thread must go on.
                    logger.exception("a worker cannot look at itself")
                    connection.close()
        finally:
            connection.close()

    def _changed(self) -> None:
        self._news = True
        if self._has_lease:
            self._wake.set()

    def _waited(self) -> bool:
        """Waits until there may be something to do; returns whether it is to stop."""
        if not self._failing and not (self._news and self._has_lease):
            self._wake.wait(_CALM_SECONDS)
        self._wake.clear()
        stops = self._stopping.wait(max(0.0, self._looked_at + TICK_SECONDS - time.monotonic()))
        self._looked_at = time.monotonic()
        return stops

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _look_at_itself(self) -> None:
        found = self._local.findings()
        if not found:
            return
        if self._failing or not self._runtime.recorder.writer.takes_rows():
            for finding in found:
                self._direct.send(finding)
        else:
            alerts.raise_all([one for one in found if not was_sent(one)], timezone.now())

    def _work(self) -> None:
        if self._is_due("lease", queue.LEASE_SECONDS / 2):
            self._has_lease = queue.take_lease(self._holder)
        if self._is_due("learning", LEARN_SECONDS):
            self._direct.learn()
        if not self._has_lease:
            return
        now = timezone.now()
        if self._is_due("watching", WATCH_SECONDS):
            self.watch(now)
            mails.queue_new()
        if self._is_due("closing", CLOSE_SECONDS):
            schedule.close_due(now, self._keeps_lease)
            mails.queue_new()
        if self._is_due("forgetting", FORGET_SECONDS):
            alerts.forget_old(now)
        # Asked again with each look where there were some: they may be due later.
        if self._news or self._is_due("messages", MESSAGES_SECONDS):
            self._news = False
            self._news = sending.have_messages()
        for _ in range(_MOST_AT_ONCE if self._news else 0):
            if self._stopping.is_set() or not sending.send_next(self._holder) or not self._keeps_lease():
                break

    def _keeps_lease(self) -> bool:
        self._has_lease = not self._stopping.is_set() and queue.take_lease(self._holder)
        return self._has_lease

    def _leave(self) -> None:
        if self._has_lease and not self._failing:
            try:
                queue.give_lease_back(self._holder)
            except DatabaseError as error:
                self._failed(error)

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            logger.warning("alerts are watched for again")

    def _failed(self, error: DatabaseError) -> None:
        if not self._failing:
            self._failing = True
            logger.warning(
                "the database does not answer: no alerts are watched for", extra={"fields": {"cause": str(error)}}
            )
        self._has_lease = False
        self._due.pop("lease", None)
        self._due.pop("learning", None)
        connection.close()
