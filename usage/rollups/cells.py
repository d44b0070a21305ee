"""What is added up of requests in one row of a rollup: counts, sums and histograms. Made from the table of measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from usage.generated import function
from usage.journal import texts
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import histogram, measures
from usage.rollups.measures import ERRORS, SUMS

LARGEST = 2**63 - 1
"""The largest integer that a column holds."""


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


class _Functions(NamedTuple):
    """Functions over cells that have some counts."""

    first: Callable[[Any, Any], None]
    """first(cell, record) counts the first record."""
    more: Callable[[Any, Any], None]
    """more(cell, record) counts another one."""
    together: Callable[[Any, Any], None]
    """together(cell, other) adds another cell."""
    figures: Callable[[Any], dict[str, Any]]
    """figures(cell): counts and sums by column."""


def _functions(counted: Sequence[measures.Measure]) -> _Functions:
    first = [
        f"cell.counts = [{', '.join(f'0 + ({_increment(count)})' for count in counted)}]",
        f"cell.sums = [{', '.join(f'record.{name}' for name in SUMS)}]",
    ]
    more = [
        "counts, sums = cell.counts, cell.sums",
        *(f"counts[{at}] += {_increment(count)}" for at, count in enumerate(counted)),
        *(_addition(at, f"record.{name}") for at, name in enumerate(SUMS)),
    ]
    together = [
        "counts, sums, more, values = cell.counts, cell.sums, other.counts, other.sums",
        *(f"counts[{at}] += more[{at}]" for at in range(len(counted))),
        *(_addition(at, f"values[{at}]") for at in range(len(SUMS))),
    ]
    columns = [f"'{count.name}': counts[{at}]" for at, count in enumerate(counted)]
    columns += [f"'{name}': {limited(f'sums[{at}]')}" for at, name in enumerate(SUMS)]
    figures = ["counts, sums = cell.counts, cell.sums", f"return {{{', '.join(columns)}}}"]
    return _Functions(
        function("cell, record", first),
        function("cell, record", more),
        function("cell, other", together),
        function("cell", figures),
    )


_of_requests, _of_attempts = _functions(measures.of_kind("count")), _functions(measures.ATTEMPT_COUNTED)
_first, _more, _together, _ = _of_requests
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
_binned = attrgetter(*(bins.source for bins in measures.of_kind("bins")))
_longest = {measure.name: measure.max_length for measure in measures.of_kind("dimension")}
_cut_team, _cut_key, _cut_owner = (texts.cutter(_longest[name]) for name in ("team_name", "key_name", "owner_name"))


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
            _together(self, other)
            for own, more in zip(self.bins, other.bins, strict=True):
                histogram.add(own, more)
        else:
            self.counts, self.sums = other.counts.copy(), other.sums.copy()
            self.bins = [bins.copy() for bins in other.bins]

    def figures(self) -> dict[str, Any]:
        """Returns counts and sums by column."""
        return _of_requests.figures(self)


class TagCell(Cell):
    """A cell without histograms, with the tags where they are what it is about."""

    __slots__ = ("tags",)

    def __init__(self, tags: list[str] | None = None) -> None:
        super().__init__()
        self.tags = tags

    def add(self, other: Cell) -> None:
        """Counts all requests of another cell."""
        if self.counts:
            _together(self, other)
        else:
            self.counts, self.sums = other.counts.copy(), other.sums.copy()


class AttemptCell(Cell):
    """The same of attempts, with their own counts and no histograms."""

    __slots__ = ()

    def count(self, record: AttemptRecord) -> None:  # type: ignore[override]
        """Counts one attempt."""
        (_of_attempts.more if self.counts else _of_attempts.first)(self, record)

    def add(self, other: Cell) -> None:
        """Counts all attempts of another cell."""
        if self.counts:
            _of_attempts.together(self, other)
        else:
            self.counts, self.sums = other.counts.copy(), other.sums.copy()

    def figures(self) -> dict[str, Any]:
        """Returns counts and sums by column."""
        return _of_attempts.figures(self)


NEWEST = ("team_name", "key_name", "owner_name", "owner_id")
"""What a session has of its newest request. Of two requests of one moment the one that sorts later counts; no owner
sorts as -1."""


def newest_of(record: RequestRecord) -> tuple[str, str, str, int]:
    """Returns the columns NEWEST of a request, with -1 for no owner."""
    owner = -1 if record.owner_id is None else record.owner_id
    return _cut_team(record.team_name), _cut_key(record.key_name), _cut_owner(record.owner_name), owner


class Session(Cell):
    """A cell with the columns that only sessions have."""

    __slots__ = ("_given", "errors", "first_seen", "last_seen", "newest")

    def __init__(self, record: RequestRecord) -> None:
        super().__init__()
        self.errors = 0
        self.first_seen = self.last_seen = record.started_at
        self.newest = ("", "", "", -1)
        self._given: tuple[Any, ...] = ()

    def count(self, record: RequestRecord) -> None:
        """Counts one request, without histograms; the names are those of the newest one."""
        (_more if self.counts else _first)(self, record)
        self.errors += record.outcome in ERRORS
        moment = record.started_at
        if moment >= self.last_seen:
            given = record.team_name, record.key_name, record.owner_name, record.owner_id
            if given == self._given:
                self.last_seen = moment
                return
            names = newest_of(record)
            if moment > self.last_seen or names > self.newest:
                self.last_seen, self.newest, self._given = moment, names, given
        elif moment < self.first_seen:
            self.first_seen = moment

    def names(self) -> dict[str, Any]:
        """Returns the columns NEWEST."""
        *texts_, owner = self.newest
        return dict(zip(NEWEST, (*texts_, None if owner < 0 else owner), strict=True))
