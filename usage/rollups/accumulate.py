"""Request records added up in memory: a batch becomes a few cells, each one row of a rollup to be. No database here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.utils import timezone

from usage.journal.records import RequestRecord
from usage.models import Outcome
from usage.rollups import histogram
from usage.rollups.models import SessionSummary, UsageRollup

LARGEST = 2**63 - 1
"""What a column of integers holds."""
QUARTER = 15 * 60
"""Seconds of a bucket."""
DIMENSIONS = (
    "team_id", "team_name", "key_id", "key_name", "route_id", "route_name", "provider_id", "provider_name", "model_id",
    "model_name", "outcome",
)  # fmt: skip
COUNTS = ("requests", "attempts", "unknown_tokens", "unknown_cost", "estimated")
SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches", "cost", "provider_cost",
)  # fmt: skip
BINS = ("first_token_bins", "duration_bins")
ERRORS = (Outcome.FAILED, Outcome.REFUSED, Outcome.INTERRUPTED)
"""The outcomes that a caller saw as an error."""

_dimensions = attrgetter(*DIMENSIONS)
_sums = attrgetter(*SUMS)
_INPUT, _OUTPUT, _COST = SUMS.index("input_tokens"), SUMS.index("output_tokens"), SUMS.index("cost")
_TEXTS = tuple((DIMENSIONS.index(name), name) for name in DIMENSIONS if not name.endswith("_id"))
_LONGEST: dict[str, int] = {field.attname: field.max_length or 0 for field in UsageRollup._meta.concrete_fields}
_LONGEST_SESSION = SessionSummary._meta.get_field("session_id").max_length or 0
_NOTHING = tuple(None if name.endswith("_id") else "" for name in DIMENSIONS[:-1])


class Key(NamedTuple):
    """What a rollup's row stands for: a moment (seconds since 1970) and DIMENSIONS in order."""

    starts_at: int
    overall: bool
    dimensions: tuple[Any, ...]


class Cell:
    """Counts, sums (None where no request knew) and the two histograms of BINS, in the order of the names above."""

    __slots__ = ("bins", "counts", "sums")

    def __init__(self) -> None:
        self.counts: list[int] = [0] * len(COUNTS)
        self.sums: list[int | None] = [None] * len(SUMS)
        self.bins: tuple[histogram.Bins, histogram.Bins] = ({}, {})

    def take(self, record: RequestRecord) -> None:
        """Count one request."""
        values = _sums(record)
        counts, sums = self.counts, self.sums
        counts[0] += 1
        counts[1] += record.attempts
        if values[_INPUT] is None or values[_OUTPUT] is None:
            counts[2] += 1
        if values[_COST] is None:
            counts[3] += 1
        counts[4] += record.estimated
        for position, value in enumerate(values):
            if value is not None:
                known = sums[position]
                sums[position] = value if known is None else known + value
        for bins, value in zip(self.bins, (record.time_to_first_token_ms, record.duration_ms), strict=True):
            if value is not None:
                number = histogram.bin_of(value)
                bins[number] = bins.get(number, 0) + 1

    def add(self, other: Cell) -> None:
        """Count all that another cell counted."""
        for position, count in enumerate(other.counts):
            self.counts[position] += count
        for position, value in enumerate(other.sums):
            if value is not None:
                known = self.sums[position]
                self.sums[position] = value if known is None else known + value
        for mine, theirs in zip(self.bins, other.bins, strict=True):
            histogram.add(mine, theirs)

    def figures(self) -> dict[str, Any]:
        """Everything counted and summed, by the names of columns. One absurd figure of a provider must not make a sum
        that no column holds, and so refuse all rows after it: sums end at LARGEST."""
        sums = (value if value is None else min(value, LARGEST) for value in self.sums)
        return dict(zip((*COUNTS, *SUMS), (*self.counts, *sums), strict=True))


class Session(Cell):
    """A cell with what only sessions have."""

    __slots__ = ("errors", "first_seen", "key_name", "last_seen", "team_name")

    def __init__(self, record: RequestRecord) -> None:
        super().__init__()
        self.errors = 0
        self.first_seen = self.last_seen = record.started_at
        self.team_name = self.key_name = ""

    def take(self, record: RequestRecord) -> None:
        """Count one request; the newest one's names stay."""
        super().take(record)
        self.errors += record.outcome in ERRORS
        self.first_seen = min(self.first_seen, record.started_at)
        names = cut(record.team_name, _LONGEST["team_name"]), cut(record.key_name, _LONGEST["key_name"])
        newest = max((self.last_seen, self.team_name, self.key_name), (record.started_at, *names))
        self.last_seen, self.team_name, self.key_name = newest


Cells = dict[Key, Cell]
SessionKey = tuple[int | None, int | None, str]
"""Team, key, session id."""


def quarters(records: Iterable[RequestRecord]) -> Cells:
    """The cells by quarter hour, those of all dimensions together among them."""
    found: dict[tuple[float, Any], Cell] = {}
    for record in records:
        raw = (record.started_at.timestamp() // QUARTER, _dimensions(record))
        cell = found.get(raw)
        if cell is None:
            cell = found[raw] = Cell()
        cell.take(record)
    cells: Cells = {}
    for (number, dimensions), cell in found.items():
        starts_at = int(number) * QUARTER
        add_cell(cells, Key(starts_at, False, _as_stored(dimensions)), cell)
        add_cell(cells, Key(starts_at, True, (*_NOTHING, dimensions[-1])), cell)
    return cells


def days(by_quarter: Cells) -> Cells:
    """Cells by quarter hour added up to the days of TIME_ZONE."""
    cells: Cells = {}
    starts: dict[int, int] = {}
    for key, cell in by_quarter.items():
        day = starts.get(key.starts_at)
        if day is None:
            day = starts[key.starts_at] = int(midnight(local_day(key.starts_at)).timestamp())
        add_cell(cells, key._replace(starts_at=day), cell)
    return cells


def sessions(records: Iterable[RequestRecord]) -> dict[SessionKey, Session]:
    """The sessions that requests belong to; a request without a session id belongs to none."""
    found: dict[SessionKey, Session] = {}
    for record in records:
        session_id = cut(record.session_id, _LONGEST_SESSION) if record.session_id else ""
        if session_id:
            key = (record.team_id, record.key_id, session_id)
            session = found.get(key)
            if session is None:
                session = found[key] = Session(record)
            session.take(record)
    return found


def add_cell(cells: Cells, key: Key, cell: Cell) -> None:
    """Count a cell into the one of this key."""
    mine = cells.get(key)
    if mine is None:
        mine = cells[key] = Cell()
    mine.add(cell)


def identity(of: Key | SessionKey) -> UUID:
    """The id of the row for a key: the same in every process, so that two workers meet in one row."""
    return UUID(bytes=blake2b(msgspec.json.encode(of), digest_size=16).digest())


def midnight(day: date) -> datetime:
    """The first moment of a day, as the clock of TIME_ZONE has it."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def local_day(moment: int) -> date:
    """The day of TIME_ZONE that a moment (seconds since 1970) is in."""
    return datetime.fromtimestamp(moment, UTC).astimezone(timezone.get_default_timezone()).date()


def cut(text: str, longest: int) -> str:
    """A text as usage.journal.inserts stores it."""
    return text.replace("\0", "")[:longest]


def _as_stored(dimensions: tuple[Any, ...]) -> tuple[Any, ...]:
    if all("\0" not in dimensions[at] and len(dimensions[at]) <= _LONGEST[name] for at, name in _TEXTS):
        return dimensions
    stored = list(dimensions)
    for at, name in _TEXTS:
        stored[at] = cut(stored[at], _LONGEST[name])
    return tuple(stored)
