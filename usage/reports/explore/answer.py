"""Answers a question: which lines there are, and what each of them comes to in each bucket."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from usage.reports import query, spans
from usage.reports.explore import buckets, conditions, names
from usage.reports.explore.metrics import METRICS, SUMS, Metric, Value, empty, forget_unknown, plus
from usage.reports.explore.question import GROUPS, Question, problem
from usage.reports.spans import Rows
from usage.reports.totals import Totals
from usage.rollups import histogram

Key = tuple[Any, ...]
_ALWAYS: Final = ("total_requests", "total_unknown_cost")
"""The sums of each bucket that say whether others are known (metrics.forget_unknown)."""
_OF_LINES: Final = ("total_requests", "total_unknown_cost", "total_unpriced")
"""The sums that a line has whatever the metric."""
FEW_VALUES: Final = 1_000
"""Histograms, one a line and bucket, that are all read at once, though some lines will not be shown: cheaper than to
read those of the whole range first."""
MOST_VALUES: Final = 100_000
"""Values, one a line and bucket, that an answer holds: all of them are in memory."""


class CannotAnswer(ValueError):
    """A question that rollups cannot answer; the text says what to ask instead."""


class Line(msgspec.Struct, frozen=True):
    """One line: what it is about, its values by bucket, and the value of the whole range.

    `key` has a value for each group of the question, `labels` their names. The line of all others has no key.
    `requests` are its requests, or its attempts where the question counts these; `unpriced` are answers without a
    price. `totals` are all measures of the whole range, where the answer is one with `measures`.
    """

    key: Key | None
    labels: tuple[str, ...]
    values: list[Value]
    total: Value
    requests: int
    unpriced: int
    totals: Totals | None = None


class Answer(msgspec.Struct, frozen=True):
    """The lines, the greatest first, with the line of all `others` if there are more, and the whole.

    `starts` are the first moments of the buckets, in the question's zone. `groups` is the number of lines that there
    would be.
    """

    question: Question
    starts: list[datetime]
    lines: list[Line]
    others: Line | None
    whole: Line
    groups: int

    @property
    def unpriced(self) -> int:
        """The number of answers without a price, which a cost leaves out."""
        return self.whole.unpriced


def answer(question: Question, *, measures: bool = False) -> Answer:
    """Returns the answer to a question; with `measures` its lines have all of them. Raises CannotAnswer."""
    if text := problem(question):
        raise CannotAnswer(text)
    return _Answering(question, measures).answered()


class _Part:
    """Sums and the histogram of some rows, in the whole range and by bucket; `rank_bins` is what ranks them, where
    that is a percentile."""

    __slots__ = ("bins", "by_bucket", "rank_bins", "sums")

    def __init__(self) -> None:
        self.sums = empty()
        self.bins: histogram.Bins = {}
        self.by_bucket: dict[int, tuple[dict[str, Any], histogram.Bins]] = {}
        self.rank_bins: histogram.Bins = {}

    def bucket(self, at: int) -> tuple[dict[str, Any], histogram.Bins]:
        found = self.by_bucket.get(at)
        if found is None:
            found = self.by_bucket[at] = (empty(), {})
        return found


class _Answering:
    """Answers one question."""

    def __init__(self, question: Question, measures: bool) -> None:
        self._question = question
        self._metric = METRICS[question.metric]
        self._rank = METRICS[question.rank or question.metric]
        self._has_measures = measures
        needed = {*self._metric.needs, *self._rank.needs, *_OF_LINES}
        self._sums = SUMS if measures else {name: SUMS[name] for name in SUMS if name in needed}
        self._columns = tuple(GROUPS[name].column for name in question.by)
        self._filters = [conditions.among(GROUPS[name].column, values) for name, values in question.filters.items()]
        self._filter_columns = tuple(GROUPS[name].column for name in question.filters)
        self._starts = buckets.starts(question)
        self._is_total = question.bucket == "total"

    def answered(self) -> Answer:
        parts = self._parts()
        _check_size(min(len(parts), self._question.limit), len(self._starts))
        has_others = len(parts) > self._question.limit
        are_few = bool(self._metric.bins) and len(parts) * len(self._starts) <= FEW_VALUES
        is_one_pass = not self._is_total and (are_few or not has_others)
        if not is_one_pass:
            self._read_bins(parts)
        else:
            self._read_every_bucket(parts)
        whole = _together(parts.values())
        ranked = sorted(parts, key=lambda key: (_order(self._ranked_by(parts[key])), str(key)))
        top, rest = ranked[: self._question.limit], ranked[self._question.limit :]
        if not is_one_pass and not self._is_total:
            self._read_buckets({key: parts[key] for key in top}, self._columns, narrowed=True)
            # Of all together there are fewer rows than of all lines.
            self._read_buckets({(): whole}, ())
        labels = names.of_lines(self._question, top)
        return Answer(
            self._question,
            self._starts,
            [self._line(key, labels[key], parts[key]) for key in top] if self._columns else [],
            self._others(whole, [parts[key] for key in top], [parts[key] for key in rest]) if rest else None,
            self._line(None, ("All",), whole),
            len(ranked),
        )

    def _rows(self, columns: Iterable[str], *, whole: bool) -> Rows:
        by = [*columns, *self._filter_columns]
        if self._question.days_of:
            rows = names.day_rows(self._question.days_of, *self._question.counted)
        else:
            rows = spans.rows(self._question.since, self._question.until, by, bucket=self._span(whole))
        return rows.filter(*self._filters) if self._filters else rows

    def _span(self, whole: bool) -> spans.Bucket:
        """Returns the longest span that a row may stand for."""
        if self._question.bucket == "hour" and not whole:
            return "quarter"
        return "month" if whole or self._question.bucket in ("month", "total") else "day"

    def _parts(self) -> dict[Key, _Part]:
        """Returns what each line comes to over the whole range."""
        parts: dict[Key, _Part] = {}
        rows = self._rows(self._columns, whole=True)
        if not self._columns:
            part = parts[()] = _Part()
            plus(part.sums, rows.total(**self._sums))
            return parts
        for row in rows.groups(*self._columns, **self._sums):
            part = parts[tuple(row[column] for column in self._columns)] = _Part()
            plus(part.sums, {name: row[name] for name in self._sums})
        return parts

    def _read_bins(self, parts: dict[Key, _Part]) -> None:
        """Reads the histograms of the whole range."""
        found = self._bins_of(self._metric)
        for key, part in parts.items():
            part.bins = found.get(key, {})
        self._read_rank_bins(parts)

    def _read_rank_bins(self, parts: dict[Key, _Part]) -> None:
        if self._rank.bins == self._metric.bins:
            for part in parts.values():
                part.rank_bins = part.bins
            return
        ranked = self._bins_of(self._rank)
        for key, part in parts.items():
            part.rank_bins = ranked.get(key, {})

    def _read_every_bucket(self, parts: dict[Key, _Part]) -> None:
        """Reads the buckets of all lines, and adds their histograms up to those of the whole range."""
        self._read_buckets(parts, self._columns)
        for part in parts.values():
            for _, bins in part.by_bucket.values():
                histogram.add(part.bins, bins)
        self._read_rank_bins(parts)

    def _bins_of(self, metric: Metric) -> dict[Key, histogram.Bins]:
        return self._rows(self._columns, whole=True).bins(metric.bins, *self._columns) if metric.bins else {}

    def _ranked_by(self, part: _Part) -> Value:
        return _of(self._rank, part.sums, part.rank_bins)

    def _read_buckets(self, parts: dict[Key, _Part], columns: tuple[str, ...], *, narrowed: bool = False) -> None:
        """Reads what these lines come to in each bucket; with `narrowed` only rows that may be theirs."""
        rows = self._rows(columns, whole=False)
        if narrowed:
            # Not each line as a condition: a database would compare each row with all of them.
            rows = rows.filter(
                *(conditions.among(column, {key[at] for key in parts}) for at, column in enumerate(columns))
            )
            rows = conditions.of_keys(rows, columns, parts) if len(columns) > 1 else rows
        if self._metric.bins:
            for (*key, at), bins in rows.bins(self._metric.bins, *columns, starts=self._starts).items():
                # A line may be another one's, or new since the whole was read.
                if (part := parts.get(tuple(key))) is not None:
                    histogram.add(part.bucket(at)[1], bins)
            return
        sums = {name: SUMS[name] for name in (*self._metric.needs, *_ALWAYS)}
        # A day is a row of its own; of weeks and months the database adds the days up.
        is_long = self._question.bucket in ("week", "month")
        rows, moment = (rows.with_stretch(self._starts), "stretch") if is_long else (rows, "starts_at")
        index = buckets.index(self._question, self._starts)
        for row in rows.groups(*columns, moment, **sums):
            if (part := parts.get(tuple(row[column] for column in columns))) is not None:
                at = row["stretch"] if is_long else index(row["starts_at"])
                plus(part.bucket(at)[0], {name: row[name] for name in sums})

    def _others(self, whole: _Part, top: list[_Part], rest: list[_Part]) -> Line:
        """Returns the line of all lines that are not shown: the whole without those that are."""
        others = _Part()
        for part in rest:
            plus(others.sums, part.sums)
            histogram.add(others.bins, part.bins)
        for at, (sums, bins) in whole.by_bucket.items():
            left, left_bins = others.bucket(at)
            plus(left, sums)
            histogram.add(left_bins, bins)
            for part in top:
                if at in part.by_bucket:
                    shown, shown_bins = part.by_bucket[at]
                    plus(left, {name: -value for name, value in shown.items() if value is not None})
                    histogram.add(left_bins, {number: -count for number, count in shown_bins.items()})
            forget_unknown(left, others.sums)
        return self._line(None, ("others",), others)

    def _line(self, key: Key | None, labels: tuple[str, ...], part: _Part) -> Line:
        values = [
            _of(self._metric, *part.by_bucket[at]) if at in part.by_bucket else _of(self._metric, empty(), {})
            for at in range(len(self._starts))
        ]
        if self._question.cumulative:
            values = _accumulated(values)
        requests, unpriced = int(part.sums["total_requests"]), int(part.sums["total_unpriced"])
        totals = query.totals_of(part.sums) if self._has_measures else None
        return Line(key, labels, values, _of(self._metric, part.sums, part.bins), requests, unpriced, totals)


def _together(parts: Iterable[_Part]) -> _Part:
    whole = _Part()
    for part in parts:
        plus(whole.sums, part.sums)
        histogram.add(whole.bins, part.bins)
        for at, (sums, bins) in part.by_bucket.items():
            plus(whole.bucket(at)[0], sums)
            histogram.add(whole.bucket(at)[1], bins)
    return whole


def _check_size(lines: int, starts: int) -> None:
    if lines * max(1, starts) > MOST_VALUES:
        raise CannotAnswer(
            f"These are {lines:,} lines in {starts:,} buckets, and at most {MOST_VALUES:,} values are made at a time. "
            "Choose longer buckets, a shorter range or a filter."
        )


def _of(metric: Metric, sums: dict[str, Any], bins: histogram.Bins) -> Value:
    if metric.bins:
        return histogram.percentile({number: count for number, count in bins.items() if count > 0}, metric.fraction)
    assert metric.of is not None
    return metric.of(sums)


def _order(value: Value) -> tuple[bool, Any]:
    """Sorts the greatest first, and unknown values last."""
    return (value is None, 0 if value is None else -value)


def _accumulated(values: list[Value]) -> list[Value]:
    total: Any = None
    found: list[Value] = []
    for value in values:
        if value is not None:
            total = value if total is None else total + value
        found.append(total)
    return found
