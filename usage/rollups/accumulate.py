"""Adds request records up in memory: a batch becomes a few cells, each of which becomes a row of a rollup."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone

from usage.journal import texts
from usage.journal.records import RequestRecord
from usage.rollups import histogram, measures
from usage.rollups.generated import function
from usage.rollups.measures import COUNTS, DIMENSIONS, ERRORS, SUMS
from usage.rollups.models import SessionSummary

LARGEST = 2**63 - 1
"""The largest integer that a column holds."""
QUARTER = 15 * 60
"""Seconds of a bucket."""

_dimensions = attrgetter(*DIMENSIONS)
_count_measures = measures.of_kind("count")


def _increment(count: measures.Measure) -> str:
    """What a record adds to a count, as code over `record`."""
    if count.source:
        return f"record.{count.source}"
    return " or ".join(f"record.{name} is None" for name in count.unknown) or "1"


def _addition(at: int, value: str) -> str:
    """What adds a value to a sum, as code over `sums`. None means unknown and adds nothing."""
    both = f"value if sums[{at}] is None else sums[{at}] + value"
    return f"if (value := {value}) is not None: sums[{at}] = {both}"


def limited(value: str) -> str:
    """What is stored of a sum, as code over it. One absurd value of a provider must not make a row that the database
    refuses, with all rows after it."""
    return f"{value} if {value} is None or {value} <= {LARGEST} else {LARGEST}"


_figures = function(
    "counts, sums",
    [
        "return {"
        + "".join(f"'{name}': counts[{at}], " for at, name in enumerate(COUNTS))
        + "".join(f"'{name}': {limited(f'sums[{at}]')}, " for at, name in enumerate(SUMS))
        + "}"
    ],
)
_first = function(
    "cell, record",
    [
        f"cell.counts = [{', '.join(f'0 + ({_increment(count)})' for count in _count_measures)}]",
        f"cell.sums = [{', '.join(f'record.{name}' for name in SUMS)}]",
    ],
)
_more = function(
    "cell, record",
    [
        "counts, sums = cell.counts, cell.sums",
        *(f"counts[{at}] += {_increment(count)}" for at, count in enumerate(_count_measures)),
        *(_addition(at, f"record.{name}") for at, name in enumerate(SUMS)),
    ],
)
_first_bins = function(
    "record",
    [
        "return ["
        + "".join(
            f"{{}} if record.{bins.source} is None else {{bin_of(record.{bins.source}): 1}}, "
            for bins in measures.of_kind("bins")
        )
        + "]"
    ],
    bin_of=histogram.bin_of,
)
_add_all = function(
    "cell, other",
    [
        "counts, sums, more, values = cell.counts, cell.sums, other.counts, other.sums",
        *(f"counts[{at}] += more[{at}]" for at in range(len(COUNTS))),
        *(_addition(at, f"values[{at}]") for at in range(len(SUMS))),
    ],
)
_binned = attrgetter(*(bins.source for bins in measures.of_kind("bins")))
_longest = {measure.name: measure.max_length for measure in measures.of_kind("dimension") if measure.max_length}
_TEXTS = [(DIMENSIONS.index(name), longest, texts.cutter(longest)) for name, longest in _longest.items()]
_cut_team, _cut_key = texts.cutter(_longest["team_name"]), texts.cutter(_longest["key_name"])
_cut_session = texts.cutter(SessionSummary._meta.get_field("session_id").max_length or 0)
_NO_DIMENSIONS = tuple("" if name in _longest else None for name in DIMENSIONS if name != "outcome")
_OUTCOME = DIMENSIONS.index("outcome")


class Key(NamedTuple):
    """What a row of a rollup is about: a moment (seconds since 1970) and DIMENSIONS in order."""

    starts_at: int
    overall: bool
    dimensions: tuple[Any, ...]


class Cell:
    """COUNTS, SUMS (None where no request knew) and the histograms of BINS, each in order. It is empty until the first
    request is counted."""

    __slots__ = ("bins", "counts", "sums")

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.sums: list[int | None] = []
        self.bins: list[histogram.Bins] = []

    def count(self, record: RequestRecord) -> None:
        """Counts one request."""
        if not self.counts:
            _first(self, record)
            self.bins = _first_bins(record)
            return
        _more(self, record)
        for bins, value in zip(self.bins, _binned(record), strict=True):
            if value is not None:
                number = histogram.bin_of(value)
                bins[number] = bins.get(number, 0) + 1

    def add(self, other: Cell) -> None:
        """Counts all requests of another cell."""
        if self.counts:
            _add_all(self, other)
            for own, more in zip(self.bins, other.bins, strict=True):
                histogram.add(own, more)
        else:
            self.counts, self.sums = other.counts.copy(), other.sums.copy()
            self.bins = [bins.copy() for bins in other.bins]

    def figures(self) -> dict[str, Any]:
        """Returns counts and sums by column."""
        figures: dict[str, Any] = _figures(self.counts, self.sums)
        return figures


class Session(Cell):
    """A cell with the columns that only sessions have."""

    __slots__ = ("errors", "first_seen", "key_name", "last_seen", "team_name")

    def __init__(self, record: RequestRecord) -> None:
        super().__init__()
        self.errors = 0
        self.first_seen = self.last_seen = record.started_at
        self.team_name = self.key_name = ""

    def count(self, record: RequestRecord) -> None:
        """Counts one request, without histograms; the names are those of the newest one."""
        (_more if self.counts else _first)(self, record)
        self.errors += record.outcome in ERRORS
        self.first_seen = min(self.first_seen, record.started_at)
        names = _cut_team(record.team_name), _cut_key(record.key_name)
        newest = max((self.last_seen, self.team_name, self.key_name), (record.started_at, *names))
        self.last_seen, self.team_name, self.key_name = newest


Cells = dict[Key, Cell]
SessionKey = tuple[int | None, int | None, str]
"""Team, key, session id."""


def quarters(records: Iterable[RequestRecord]) -> Cells:
    """Returns the cells by quarter hour: for each set of dimensions, and overall for each outcome."""
    found: dict[tuple[float, Any], Cell] = {}
    for record in records:
        raw = (record.started_at.timestamp() // QUARTER, _dimensions(record))
        cell = found.get(raw)
        if cell is None:
            cell = found[raw] = Cell()
        cell.count(record)
    cells: Cells = {}
    for (number, dimensions), cell in found.items():
        starts_at = int(number) * QUARTER
        key = Key(starts_at, False, _as_stored(dimensions))
        if key in cells:
            add_cell(cells, key, cell)
        else:
            cells[key] = cell
        add_cell(cells, Key(starts_at, True, (*_NO_DIMENSIONS, dimensions[_OUTCOME])), cell)
    return cells


def days(by_quarter: Cells) -> Cells:
    """Returns cells by quarter hour added up to the days of TIME_ZONE."""
    cells: Cells = {}
    starts: dict[int, int] = {}
    for key, cell in by_quarter.items():
        day = starts.get(key.starts_at)
        if day is None:
            day = starts[key.starts_at] = int(midnight(local_day(key.starts_at)).timestamp())
        add_cell(cells, Key(day, key.overall, key.dimensions), cell)
    return cells


def sessions(records: Iterable[RequestRecord]) -> dict[SessionKey, Session]:
    """Returns the sessions of requests; a request without a session id belongs to none."""
    found: dict[SessionKey, Session] = {}
    for record in records:
        session_id = _cut_session(record.session_id)
        if session_id:
            key = (record.team_id, record.key_id, session_id)
            session = found.get(key)
            if session is None:
                session = found[key] = Session(record)
            session.count(record)
    return found


def add_cell(cells: Cells, key: Key, cell: Cell) -> None:
    """Adds a cell to the one of this key."""
    present = cells.get(key)
    if present is None:
        present = cells[key] = Cell()
    present.add(cell)


def identity(of: Key | SessionKey) -> str:
    """Returns the id of the row for a key, a UUID's 32 hexadecimal digits: the same in every process, so that two
    workers meet in one row."""
    return blake2b(msgspec.json.encode(of), digest_size=16).hexdigest()


def midnight(day: date) -> datetime:
    """Returns the first moment of a day of TIME_ZONE."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def local_day(moment: int) -> date:
    """Returns the day of TIME_ZONE that a moment (seconds since 1970) is in."""
    return datetime.fromtimestamp(moment, UTC).astimezone(timezone.get_default_timezone()).date()


def _as_stored(dimensions: tuple[Any, ...]) -> tuple[Any, ...]:
    if all("\0" not in dimensions[at] and len(dimensions[at]) <= longest for at, longest, _ in _TEXTS):
        return dimensions
    stored = list(dimensions)
    for at, _, cut in _TEXTS:
        stored[at] = cut(stored[at])
    return tuple(stored)
