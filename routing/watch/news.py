"""What may have changed in the database since it was asked last: on SQLite without a query.

SQLite counts the commits of all connections in its shared memory (https://www.sqlite.org/pragma.html#pragma_data_version).
The count is read when Linux says that a file of the database was written; where it does not say, twice a second. For
PostgreSQL see routing.watch.listening.
"""

from __future__ import annotations

import os
import time
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from routing.watch.file_events import FileEvents


class Topic(Enum):
    """What of the database is watched."""

    CONFIGURATION = "configuration"
    HEALTH = "health"
    MESSAGES = "messages"


News = frozenset[Topic]
"""What may have changed."""
EVERYTHING: Final[News] = frozenset(Topic)
NOTHING: Final[News] = frozenset()
INTERVAL = 0.45
"""Seconds between two questions where nobody says when something changes."""
_ANYWAY = 10.0
"""Seconds between two looks at SQLite's counter where the system says when there may be something to see."""
_CALM = 30.0
"""Seconds after which SQLite's rows are read although its counter stood still."""


class Source(Protocol):
    """Says what may have changed; all of it in one thread, with that thread's connection."""

    is_certain: bool
    """Whether nothing has changed where `news` says so, at the moment of its call."""
    is_reliable: bool
    """Whether it has news of everything: if not, anything may have changed at any time."""
    gap: float
    """Seconds between two turns at least: many changes in a row are read together."""

    @property
    def interval(self) -> float:
        """Seconds until it must be asked again; asked before, it does no harm."""

    @property
    def calm(self) -> float:
        """Seconds after which rows are to be read although it had no news."""

    def news(self) -> News:
        """Returns what may have changed since the call of before; the first time, and for a new connection, everything.

        Raises django.db.Error.
        """

    def descriptor(self) -> int | None:
        """Returns what becomes readable when there is news, None where nothing does."""

    def missed(self, topic: Topic) -> None:
        """Takes in that rows had changed of which there was no news."""

    def close(self) -> None:
        """Gives back what it holds besides the connection."""


class Counter:
    """The source on SQLite."""

    is_certain = is_reliable = True
    calm = _CALM
    gap = 0.3

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        self._connection = connections[using]
        self._asked: Any = None
        self._file: tuple[int, int] | None = None
        self._count: int | None = None
        self._path = _path_of(self._connection)
        self._events = _events(self._path)
        self._restless_until = 0.0

    @property
    def interval(self) -> float:
        if self._events is None or time.monotonic() < self._restless_until:
            return INTERVAL
        # What is known counts as old when nobody has looked for so long.
        return min(_ANYWAY, settings.MAX_STALE / 2) if settings.MAX_STALE else _ANYWAY

    def news(self) -> News:
        self._take_events()
        # A file that was put in place of another one is seen by its number; sqlite3 would go on with the old one, and
        # make an empty file where there is none.
        file = self._present()
        connection = self._connection
        if self._asked is not None and file != self._file:
            connection.close()
        connection.ensure_connection()
        asked = connection.connection
        with connection.wrap_database_errors:
            (count,) = asked.execute("PRAGMA data_version").fetchone()
        if asked is self._asked and count == self._count and file == self._file:
            return NOTHING
        self._asked, self._count, self._file = asked, count, file
        return EVERYTHING

    def descriptor(self) -> int | None:
        return None if self._events is None else self._events.descriptor

    def missed(self, topic: Topic) -> None:
        # Rows that were read because something else changed may hold what has changed since: there is nothing to learn.
        return None

    def close(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            events.close()

    def _take_events(self) -> None:
        if self._events is None:
            return
        try:
            if self._events.taken():
                # Pages are written before the commit that they belong to is counted: there is one more look soon.
                self._restless_until = time.monotonic() + INTERVAL / 2
        except OSError:
            self.close()

    def _present(self) -> tuple[int, int] | None:
        """Returns the number of the file, None of a database in memory. Raises OperationalError where it is gone."""
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)
        except FileNotFoundError as error:
            if self._asked is None:
                return None
            raise OperationalError(f"the file of the database is gone: {self._path}") from error
        except OSError as error:
            raise OperationalError(f"the file of the database cannot be read: {error}") from error
        return found.st_dev, found.st_ino


def _path_of(connection: BaseDatabaseWrapper) -> Path | None:
    name = str(connection.settings_dict["NAME"])
    return None if name == ":memory:" or name.startswith("file:") else Path(name)


def _events(path: Path | None) -> FileEvents | None:
    """Returns the events of a database's file and of the one beside it that takes the commits, None where there are
    none: not on Linux, or all that a user may have are in use."""
    if path is None:
        return None
    path = path.resolve()
    try:
        return FileEvents(path.parent, frozenset({path.name, f"{path.name}-wal"}))
    except OSError:
        return None


def source(using: str = DEFAULT_DB_ALIAS) -> Source:
    """Returns the source for the kind of database that there is."""
    if connections[using].vendor == "sqlite":
        return Counter(using)
    from routing.watch.listening import Listening

    return Listening(using)
