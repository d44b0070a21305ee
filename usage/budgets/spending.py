"""Adds what new rows cost to the windows that they count in, in the transaction that inserts them, and takes their
reservations from the blocks of their workers.

Windows are locked in the order of their ids, and a block is changed only by who has locked its window: so two
transactions cannot wait for each other. SQLite has one writer at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from access.keys import allowed_pattern
from usage import sqlite
from usage.budgets import locks
from usage.budgets.windows import LARGEST
from usage.journal import texts
from usage.journal.records import AttemptRecord, RequestRecord

_pattern = lru_cache(maxsize=1024)(allowed_pattern)


class _Window(msgspec.Struct):
    """What decides whether a row counts."""

    id: int
    key_id: int | None
    owner_id: int | None
    team_id: int | None
    starts_at: datetime
    resets_at: datetime
    model_names: str

    def counts(self, request: RequestRecord, attempt: AttemptRecord) -> bool:
        if not self.starts_at <= request.started_at < self.resets_at:
            return False
        if self.team_id is not None and self.team_id != request.team_id:
            return False
        pattern = _pattern(self.model_names)
        return pattern is None or pattern.fullmatch(attempt.model_name) is not None


ANY = "SELECT 1 FROM usage_budgetwindow LIMIT 1"
"""Finds something if there is any window: where there is none, `add` adds nothing."""


def any_windows() -> bool:
    """Returns whether there is any window. In a transaction it stays so until its end."""
    locks.for_spending()
    return bool(_rows(ANY, []))


def add(
    requests: Sequence[RequestRecord],
    attempts: Sequence[AttemptRecord],
    settled: Mapping[UUID, Mapping[int, int]] = MappingProxyType({}),
) -> None:
    """Adds the costs of attempts that were inserted just now, and takes their reservations from their worker's blocks.

    `requests` has at least those that the attempts are of; `settled` what `add_rejected` has returned of some of them.
    What is given twice counts once. Call it inside the transaction of that insert, at its end. Raises django.db.Error.
    """
    if sqlite.finds_none(ANY):
        return
    locks.for_spending()
    spent, returned = _sums(requests, attempts, settled)
    counted: dict[int, int] = defaultdict(int)
    for windows in settled.values():
        for window_id, amount in windows.items():
            counted[window_id] += amount
    _write(spent, returned, counted)


def add_rejected(request: RequestRecord, attempts: Sequence[AttemptRecord]) -> dict[int, int]:
    """Does the same for a request whose row is not inserted; returns the pico-dollars that each window counts of it,
    by its id. They stay spent without a row, as those of a removed one do."""
    locks.for_spending()
    spent, returned = _sums([request], attempts, {})
    _write(spent, returned, {})
    changes = [(amount, amount, window_id) for window_id, amount in sorted(spent.items())]
    _execute_each([(_WITHOUT_ROW, changes)])
    return dict(spent)


def _sums(
    requests: Sequence[RequestRecord], attempts: Sequence[AttemptRecord], settled: Collection[UUID]
) -> tuple[dict[int, int], dict[tuple[int, str], int]]:
    """Returns what windows spend, by their ids, and what blocks return, by their window and worker. The reservations
    of `settled` requests were returned before."""
    by_request = {request.id.int: request for request in requests}
    new = {
        attempt.id.int: attempt for attempt in attempts if attempt.cost is not None or attempt.reserved is not None
    }.values()
    spent: dict[int, int] = defaultdict(int)
    found = _windows(requests)
    windows = _Index(found)
    for attempt in new if found else ():
        if attempt.cost is not None:
            for window in windows.of(by_request[attempt.request_log_id.int], attempt):
                spent[window.id] = min(spent[window.id] + attempt.cost, LARGEST)
    returned: dict[tuple[int, str], int] = defaultdict(int)
    for attempt in new:
        if attempt.reserved is not None and attempt.request_log_id not in settled:
            for window_id in attempt.drawn_from or ():
                returned[window_id, by_request[attempt.request_log_id.int].worker] += attempt.reserved
    return spent, returned


class _Index:
    """Windows by what a row must have to count."""

    def __init__(self, windows: Sequence[_Window]) -> None:
        self._by: dict[str, dict[int | None, list[_Window]]] = {
            column: defaultdict(list) for column in ("key_id", "owner_id", "team_id")
        }
        for window in windows:
            column = next(column for column in self._by if getattr(window, column) is not None)
            self._by[column][getattr(window, column)].append(window)

    def of(self, request: RequestRecord, attempt: AttemptRecord) -> Iterator[_Window]:
        """Yields the windows that an attempt counts in."""
        for column, found in self._by.items():
            for window in found.get(getattr(request, column), ()):
                if window.counts(request, attempt):
                    yield window


_COLUMNS = "id, key_id, owner_id, team_id, starts_at, resets_at, model_names"
_MATCHES = ("key_id", "owner_id", "team_id")


def matching(vendor: str) -> str:
    """Returns the SELECT of the windows of keys, owners and teams that reset after a moment: their ids and the moment
    three times, each as a list of the database's own kind."""
    # With a sign SQLite does not look for owner_id in its index, where all windows of keys and teams are NULL.
    among, of_teams = "IN (SELECT value FROM json_each(?)) AND resets_at > ?", " AND +owner_id IS NULL"
    if vendor == "postgresql":
        among, of_teams = "= ANY(%s::bigint[]) AND resets_at > %s", " AND owner_id IS NULL"
    only = {"key_id": "", "owner_id": "", "team_id": of_teams}
    parts = (f"SELECT {_COLUMNS} FROM usage_budgetwindow WHERE {column} {among}{only[column]}" for column in _MATCHES)  # noqa: S608
    return " UNION ALL ".join(parts)


_ON_SQLITE, _ON_POSTGRESQL = matching("sqlite"), matching("postgresql")


def _windows(requests: Sequence[RequestRecord]) -> list[_Window]:
    """Returns the windows that the attempts of requests may count in."""
    if not requests:
        return []
    oldest = min(request.started_at for request in requests)
    keys, owners, teams = set(), set(), set()
    for request in requests:
        keys.add(request.key_id)
        owners.add(request.owner_id)
        teams.add(request.team_id)
    wanted = [[identity for identity in found if identity is not None] for found in (keys, owners, teams)]
    if connection.vendor == "postgresql":
        return [_Window(*row) for row in _rows(_ON_POSTGRESQL, [value for ids in wanted for value in (ids, oldest)])]
    moment = texts.sqlite_moment(oldest)
    rows = sqlite.execute(_ON_SQLITE, [value for ids in wanted for value in (texts.sqlite_json(ids), moment)])
    return [
        _Window(identity, key, owner, team, starts_at.replace(tzinfo=UTC), resets_at.replace(tzinfo=UTC), models)
        for identity, key, owner, team, starts_at, resets_at, models in rows
    ]


_CHANGE = f"""UPDATE usage_budgetwindow SET drawn = drawn - ?,
    spent = CASE WHEN spent > {LARGEST} - ? THEN {LARGEST} ELSE spent + ? END WHERE id = ?"""  # noqa: S608
_WITHOUT_ROW = f"""UPDATE usage_budgetwindow
    SET pruned = CASE WHEN pruned > {LARGEST} - ? THEN {LARGEST} ELSE pruned + ? END WHERE id = ?"""  # noqa: S608
_HAS_ROW = "UPDATE usage_budgetwindow SET spent = spent - ?, pruned = pruned - ? WHERE id = ?"
_TAKE = "UPDATE usage_budgetblock SET amount = amount - ? WHERE id = ?"
BLOCKS: Mapping[str, str] = {
    "sqlite": """SELECT id, window_id, worker, amount FROM usage_budgetblock
        WHERE window_id IN (SELECT value FROM json_each(?)) AND worker IN (SELECT value FROM json_each(?))""",
    "postgresql": """SELECT id, window_id, worker, amount FROM usage_budgetblock
        WHERE window_id = ANY(%s::bigint[]) AND worker = ANY(%s::text[])""",
}


def _write(spent: Mapping[int, int], returned: Mapping[tuple[int, str], int], counted: Mapping[int, int]) -> None:
    """Adds to windows what is spent beside what they have `counted` without a row, and takes from blocks and their
    windows what is returned, but never more than a block has."""
    ids = sorted({*spent, *(window_id for window_id, _ in returned), *counted})
    if not ids:
        return
    if connection.vendor == "postgresql":
        _rows("SELECT id FROM usage_budgetwindow WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE", [ids])
    drawn: dict[int, int] = defaultdict(int)
    taken = []
    for identity, window_id, worker, amount in _blocks(returned):
        back = min(amount, returned.get((window_id, worker), 0))
        drawn[window_id] += back
        taken.append((back, identity))
    changes = []
    for identity in ids:
        more = spent.get(identity, 0)
        changes.append((drawn.get(identity, 0), more, more, identity))
    has_row_now = [(amount, amount, identity) for identity, amount in counted.items()]
    _execute_each([(_HAS_ROW, has_row_now), (_CHANGE, changes), (_TAKE, taken)])


def _execute_each(statements: Sequence[tuple[str, Sequence[Sequence[Any]]]]) -> None:
    if connection.vendor == "sqlite":
        sqlite.execute_each(statements)
        return
    with connection.cursor() as cursor:
        for statement, rows in statements:
            if rows:
                cursor.executemany(statement.replace("?", "%s"), rows)


def _blocks(returned: Mapping[tuple[int, str], int]) -> list[Any]:
    """Returns the id, window, worker and amount of at least the blocks that something is taken from."""
    if not returned:
        return []
    windows, workers = sorted({window for window, _ in returned}), sorted({worker for _, worker in returned})
    if connection.vendor == "postgresql":
        return _rows(BLOCKS["postgresql"], [windows, workers])
    return sqlite.execute(BLOCKS["sqlite"], [texts.sqlite_json(windows), texts.sqlite_json(workers)])


def _rows(statement: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
