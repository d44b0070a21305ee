"""Adds request records up in memory: a batch becomes a few cells, each of which becomes a row of a rollup."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.utils import timezone

from access.tags import meant
from usage.generated import function
from usage.journal import texts
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import measures
from usage.rollups.cells import AttemptCell, Cell, Session, TagCell
from usage.rollups.measures import ATTEMPT_DIMENSIONS, ATTEMPT_MEASURES, DIMENSIONS, MEASURES, OF_KEY, OF_MONTH, Measure
from usage.rollups.models import ClientRollup, SessionSummary

QUARTER = 15 * 60
"""Seconds of a bucket."""
DAY = 24 * 60 * 60
_LAST_DAY = date.max.toordinal() - date(1970, 1, 1).toordinal()
_OF_ID = 1000 * DAY << 80
"""A day in the 128 bits of a UUIDv7, whose upper 48 are milliseconds since 1970."""

_all = attrgetter(*DIMENSIONS, "tags_id", "client_name", "client_version")
_WIDTH, _TEAM = len(DIMENSIONS), DIMENSIONS.index("team_id")
_attempt_dimensions = attrgetter(*ATTEMPT_DIMENSIONS)
_longest = {measure.name: measure.max_length for measure in measures.of_kind("dimension") if measure.max_length}
_cut_session = texts.cutter(SessionSummary._meta.get_field("session_id").max_length or 0)
_cut_client = texts.cutter(ClientRollup._meta.get_field("client_name").max_length or 0)
_EMPTY = {name: "" if name in _longest else None for name in DIMENSIONS}
OUTCOME = DIMENSIONS.index("outcome")


def _storing(of: Iterable[Measure]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Returns the function from dimensions to what columns store of them."""
    lengths = [measure.max_length for measure in of if measure.kind == "dimension"]
    cut = [(at, longest, texts.cutter(longest)) for at, longest in enumerate(lengths) if longest]

    def stored(dimensions: tuple[Any, ...]) -> tuple[Any, ...]:
        if all("\0" not in dimensions[at] and len(dimensions[at]) <= longest for at, longest, _ in cut):
            return dimensions
        values = list(dimensions)
        for at, _, cutter in cut:
            values[at] = cutter(values[at])
        return tuple(values)

    return stored


_as_stored, _attempt_as_stored = _storing(MEASURES), _storing(ATTEMPT_MEASURES)


def _with(chosen: Iterable[str]) -> Any:
    """Returns the function from dimensions to the same ones with only the `chosen` not empty."""
    kept = set(chosen)
    values = (f"dimensions[{at}]" if name in kept else repr(_EMPTY[name]) for at, name in enumerate(DIMENSIONS))
    return function("dimensions", [f"return ({', '.join(values)})"])


of_outcome = _with(["outcome"])
"""of_outcome(dimensions): those of an `overall` row."""
without_key = _with(set(DIMENSIONS) - set(OF_KEY))
"""without_key(dimensions): those of a `keyless` row."""
of_month = {level: _with(names) for level, names in OF_MONTH.items()}
"""of_month[level](dimensions): those of a month's row."""


class Key(NamedTuple):
    """What a row of a rollup is about: a moment (seconds since 1970) and its dimensions in order."""

    starts_at: int
    overall: bool
    dimensions: tuple[Any, ...]
    keyless: bool = False
    of_key: bool = False


Cells = dict[Key, Cell]
SessionKey = tuple[int | None, int | None, str]
"""Team, key, session id."""


class Added(NamedTuple):
    """Requests by quarter hour, for each set of dimensions and overall for each outcome; by day and tags; by day and
    client; and the first moments of their days of TIME_ZONE."""

    quarters: Cells
    tags: Cells
    clients: Cells
    days: Collection[int] = ()


def requests(records: Iterable[RequestRecord]) -> Added:
    """Adds requests up. Each is counted once, in a cell of all that any rollup tells apart."""
    found: dict[tuple[float, Any], Cell] = {}
    tags: dict[UUID | None, list[str] | None] = {}
    for record in records:
        raw = (record.started_at.timestamp() // QUARTER, _all(record))
        cell = found.get(raw)
        if cell is None:
            cell = found[raw] = Cell()
            if record.tags_id not in tags:
                tags[record.tags_id] = texts.without_nul(meant(record.tags_id, record.tags))
        cell.count(record)
    day_of = _Days()
    added = Added({}, {}, {}, day_of.values())
    for (number, values), cell in found.items():
        starts_at, dimensions = int(number) * QUARTER, _as_stored(values[:_WIDTH])
        tags_id, *client = values[_WIDTH:]
        day, team, outcome = day_of[starts_at], (dimensions[_TEAM], dimensions[_TEAM + 1]), dimensions[OUTCOME]
        of_tags = Key(day, False, (*team, tags_id, outcome))
        if of_tags not in added.tags:
            added.tags[of_tags] = TagCell(tags[tags_id])
        added.tags[of_tags].add(cell)
        _add(added.clients, Key(day, False, (*team, *map(_cut_client, client), outcome)), cell, TagCell)
        add_cell(added.quarters, Key(starts_at, True, of_outcome(dimensions)), cell)
        key = Key(starts_at, False, dimensions)
        if key in added.quarters:
            add_cell(added.quarters, key, cell)
        else:
            added.quarters[key] = cell
    return added


def days(by_quarter: Cells) -> Cells:
    """Returns cells by quarter hour added up to the days of TIME_ZONE, and those without the key."""
    cells: Cells = {}
    day_of = _Days()
    for key, cell in by_quarter.items():
        add_cell(cells, Key(day_of[key.starts_at], key.overall, key.dimensions), cell)
    keyless: Cells = {}
    for key, cell in cells.items():
        if not key.overall:
            add_cell(keyless, Key(key.starts_at, False, without_key(key.dimensions), True), cell)
    return cells | keyless


def attempts(records: Iterable[AttemptRecord]) -> Cells:
    """Returns the cells of attempts by the days of UTC."""
    found: dict[tuple[int, Any], AttemptCell] = {}
    for record in records:
        raw = (number_of_day(record.id), _attempt_dimensions(record))
        cell = found.get(raw)
        if cell is None:
            cell = found[raw] = AttemptCell()
        cell.count(record)
    cells: Cells = {}
    for (day, dimensions), cell in found.items():
        key = Key(min(day, _LAST_DAY) * DAY, False, _attempt_as_stored(dimensions))
        if key in cells:
            cells[key].add(cell)
        else:
            cells[key] = cell
    return cells


def number_of_day(identity: UUID) -> int:
    """Returns the number of the day of UTC, from 1970 on, on which an attempt got its id."""
    return identity.int // _OF_ID


def ids_of_day(identity: UUID) -> range:
    """Returns the ids of the same day of UTC, as integers."""
    first = number_of_day(identity) * _OF_ID
    return range(first, first + _OF_ID)


def day_of_id(identity: UUID) -> date:
    """Returns the day of UTC on which an attempt got its id."""
    return date(1970, 1, 1) + timedelta(days=min(number_of_day(identity), _LAST_DAY))


def first_id(day: date) -> UUID:
    """Returns the lowest id of a day."""
    return UUID(int=(day - date(1970, 1, 1)).days * _OF_ID)


def sessions(records: Iterable[RequestRecord]) -> dict[SessionKey, Session]:
    """Returns the sessions of requests; a request without a session id belongs to none."""
    found: dict[SessionKey, Session] = {}
    for record in records:
        if record.session_id and (key := session_of(record)) is not None:
            session = found.get(key)
            if session is None:
                session = found[key] = Session(record)
            session.count(record)
    return found


def session_of(record: RequestRecord) -> SessionKey | None:
    """Returns the session of a request, None without a session id."""
    session_id = _cut_session(record.session_id)
    return (record.team_id, record.key_id, session_id) if session_id else None


def add_cell(cells: Cells, key: Key, cell: Cell) -> None:
    """Adds a cell to the one of this key."""
    _add(cells, key, cell, Cell)


def _add(cells: Cells, key: Key, cell: Cell, new: Callable[[], Cell]) -> None:
    present = cells.get(key)
    if present is None:
        present = cells[key] = new()
    present.add(cell)


class _Days(dict[int, int]):
    """The first moment of the day of TIME_ZONE that a moment is in, both in seconds since 1970."""

    def __missing__(self, moment: int) -> int:
        start = self[moment] = int(midnight(local_day(moment)).timestamp())
        return start


def identity(of: Key | SessionKey) -> str:
    """Returns the id of the row for a key, a UUID's 32 hexadecimal digits: the same in every process, so that two
    workers meet in one row."""
    return blake2b(msgspec.json.encode(_digested(of) if isinstance(of, Key) else of), digest_size=16).hexdigest()


def _digested(key: Key) -> tuple[Any, ...]:
    """Returns what the id of a row is a digest of. An unknown owner is no part of it: rows of before there were owners
    keep their ids."""
    dimensions = key.dimensions
    if dimensions[-2:] == (None, ""):
        dimensions = dimensions[:-2]
    return key.starts_at, "keyless" if key.keyless else key.overall, dimensions


def midnight(day: date) -> datetime:
    """Returns the first moment of a day of TIME_ZONE."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def local_day(moment: float) -> date:
    """Returns the day of TIME_ZONE that a moment (seconds since 1970) is in."""
    return datetime.fromtimestamp(moment, UTC).astimezone(timezone.get_default_timezone()).date()


def month_after(month: date) -> date:
    """Returns the first day of the month after that of a day."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def months_of(days: Iterable[float]) -> list[date]:
    """Returns the months of TIME_ZONE that days, given by their first moments, are in: in order."""
    return sorted({local_day(day).replace(day=1) for day in days})


def months_before(moment: float, days: Iterable[int]) -> list[date]:
    """Returns the months of those days that are over at a moment."""
    start = day_start(moment)
    return months_of(day for day in days if day < start)


_day: tuple[Any, float, float] = (None, 0.0, 0.0)
"""A time zone, and a day of it from its first moment to that of the next one."""


def day_start(moment: float) -> float:
    """Returns the first moment of the day of TIME_ZONE that a moment is in, both in seconds since 1970."""
    global _day
    zone, (known, start, end) = timezone.get_default_timezone(), _day
    if zone is not known or not start <= moment < end:
        today = local_day(moment)
        start, end = midnight(today).timestamp(), midnight(today + timedelta(days=1)).timestamp()
        _day = zone, start, end
    return start
