"""What may have changed in PostgreSQL: triggers notify (routing.watch.triggers), and this listens.

Not every connection carries notifications: a pooler that hands the server's connection to others after each transaction
does not. So a new connection has to prove that it does, before anybody relies on it: until then, and where it cannot,
rows are read as often as without notifications. A proof is a statement of another connection that fires each trigger
and changes no row.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError

from routing.watch import news, triggers
from routing.watch.news import EVERYTHING, News, Topic

logger = logging.getLogger("gateway.snapshot")

CALM = 5.0
"""Seconds between two reads of the rows where notifications arrive: what is lost with a connection that seems to be
there, and is not, is found by them."""
_LONGEST = 60.0
"""Seconds between two questions; a notification wakes before."""
_PROOF_SECONDS = 0.3
"""How long a proof is waited for. Nothing else is looked at meanwhile."""
_PAUSES = (1.0, 5.0, 30.0, 300.0)
"""Seconds between two tries to prove; the last one repeats."""
_CONNECT_SECONDS = 5
_UNANSWERED_MS = 3000
"""Milliseconds after which a connection whose packets nobody acknowledges is given up."""


class Listening:
    """The source on PostgreSQL. It listens on the connection of its thread, on which the rows are read, too."""

    is_certain = False
    gap = 0.1

    def __init__(self, using: str = DEFAULT_DB_ALIAS, clock: Callable[[], float] = time.monotonic) -> None:
        self._using = using
        self._connection = connections[using]
        self._clock = clock
        self._on: Any = None
        self._arrived: set[str] = set()
        """The tables of which a notification has arrived."""
        self.is_reliable = False
        """Whether notifications arrive on the present connection."""
        self._is_warned = False
        self._tries = 0
        self._try_at = 0.0
        _be_impatient(self._connection)

    @property
    def interval(self) -> float:
        return _LONGEST if self.is_reliable else news.INTERVAL

    @property
    def calm(self) -> float:
        if not self.is_reliable:
            return news.INTERVAL
        return min(CALM, settings.MAX_STALE / 2) if settings.MAX_STALE else CALM

    def news(self) -> News:
        connection = self._connection
        connection.ensure_connection()
        if connection.connection is not self._on:
            self._listen(connection.connection)
            return EVERYTHING
        self._receive()
        if not self.is_reliable and self._clock() >= self._try_at:
            self._prove()
        arrived, self._arrived = self._arrived, set()
        return frozenset(triggers.TABLES[table] for table in arrived)

    def descriptor(self) -> int | None:
        on = self._on
        return None if on is None or on.closed else on.fileno()

    def missed(self, topic: Topic) -> None:
        if not self.is_reliable:
            return
        tables = {table for table, found in triggers.TABLES.items() if found is topic}
        try:
            # It may be under way.
            self._await(tables)
        except DatabaseError:
            # The next call finds that, too.
            return
        if not self._arrived & tables:
            self.is_reliable, self._tries, self._try_at = False, 0, 0.0
            logger.warning("a change was not notified of", extra={"fields": {"topic": topic.value}})

    def close(self) -> None:
        self._on = None

    def _listen(self, on: Any) -> None:
        self._on, self.is_reliable, self._tries = on, False, 0
        self._try_at = self._clock()
        on.add_notify_handler(self._take)
        with self._connection.cursor() as cursor:
            cursor.execute(self._listen_on())

    def _listen_on(self) -> str:
        return f"LISTEN {triggers.CHANNEL}"

    def _take(self, notification: Any) -> None:
        if notification.channel == triggers.CHANNEL and notification.payload in triggers.TABLES:
            self._arrived.add(notification.payload)

    def _receive(self) -> None:
        """Takes what has arrived, without a question. Raises django.db.Error where the connection is lost."""
        on = self._on
        with self._connection.wrap_database_errors:
            on.pgconn.consume_input()
            while (notification := on.pgconn.notifies()) is not None:
                self._take(_Decoded(notification))

    def _prove(self) -> None:
        """Tries whether notifications of all triggers arrive while this connection is idle: what comes with the answer
        to a question may come by a pooler, too. Raises django.db.Error."""
        self._tries += 1
        self._try_at = self._clock() + _PAUSES[min(self._tries, len(_PAUSES)) - 1]
        try:
            triggers.fire(self._using)
        except DatabaseError as error:
            self._tell(f"no notification can be made: {error}")
            return
        self._await(set(triggers.TABLES))
        self.is_reliable = self._arrived >= set(triggers.TABLES)
        if self.is_reliable:
            self._is_warned = False
        else:
            self._tell("none arrives within a moment, as behind a pooler of transactions")

    def _await(self, tables: set[str]) -> None:
        """Waits a moment for notifications of all of these. Raises django.db.Error."""
        until = time.monotonic() + _PROOF_SECONDS
        waiting = select.poll()
        waiting.register(self._on.fileno(), select.POLLIN)
        while not self._arrived >= tables and (left := until - time.monotonic()) > 0:
            waiting.poll(left * 1000)
            self._receive()

    def _tell(self, cause: str) -> None:
        if not self._is_warned and self._tries > 1:
            self._is_warned = True
            logger.warning(
                "PostgreSQL's notifications do not reach this process: it asks for changes twice a second",
                extra={"fields": {"cause": cause}},
            )


class _Decoded:
    """A notification as libpq has it, in text."""

    __slots__ = ("channel", "payload")

    def __init__(self, notification: Any) -> None:
        self.channel = notification.relname.decode()
        self.payload = notification.extra.decode()


def _be_impatient(connection: Any) -> None:
    """Lets this thread's connection be given up soon where nobody is at its other end."""
    options = dict(connection.settings_dict.get("OPTIONS", {}))
    options.setdefault("connect_timeout", _CONNECT_SECONDS)
    options.setdefault("tcp_user_timeout", _UNANSWERED_MS)
    # A copy: other threads' connections have the same dict.
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
