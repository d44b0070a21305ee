"""The lines of an answer with `measures` as files and programs have them: exact values, one for each bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from proxysite.console import xlsx_file
from proxysite.console.explorer import shown
from usage.reports.explore.answer import Answer, Line
from usage.reports.explore.metrics import METRICS, Unit
from usage.reports.spreadsheet import cell
from usage.reports.totals import exact
from usage.rollups.measures import REPORTED

_MEASURES: Final = tuple(measure for measure in REPORTED if measure.report)
NAMES: Final = tuple(measure.csv or measure.name for measure in _MEASURES)
"""The columns of measures, in every file; `requests` is `attempts` where a question counts these."""
_FORMATS: Final[dict[Unit, str]] = {
    "money": xlsx_file.DOLLARS, "count": xlsx_file.COUNT, "share": xlsx_file.SHARE, "milliseconds": xlsx_file.COUNT,
}  # fmt: skip


def header(found: Answer) -> list[str]:
    """Returns the names of the columns: groups, measures, the metric unless it is one of these, and buckets."""
    buckets = [shown.bucket_label(found.question, start) for start in found.starts]
    return [*(found.question.by or ("all",)), *_names(found), *_metric(found), *buckets]


def values(found: Answer) -> Iterator[list[Any]]:
    """Yields the values of each line in the order of `header`; amounts are Decimals in dollars, None is unknown."""
    width = max(1, len(found.question.by))
    for line in _lines(found):
        labels = [*line.labels, *[""] * (width - len(line.labels))]
        yield [*labels, *_measures(line), *([line.total] if _metric(found) else []), *line.values]


def records(found: Answer) -> Iterator[list[Any]]:
    """Yields `values` as a CSV file has them: exact amounts, and texts that are no formulas."""
    for line in values(found):
        yield [cell(value) if isinstance(value, str) else exact(value) for value in line]


def formats(found: Answer) -> list[str]:
    """Returns the number formats of the columns."""
    of_metric = _FORMATS[METRICS[found.question.metric].unit]
    of_measures = [xlsx_file.DOLLARS if measure.unit == "money" else xlsx_file.COUNT for measure in _MEASURES]
    rest = [of_metric] * (len(_metric(found)) + len(found.starts))
    return [*("",) * max(1, len(found.question.by)), *of_measures, *rest]


def document(found: Answer) -> dict[str, Any]:
    """Returns an answer for programs, as JSON has it. Amounts are exact decimals in strings, unknown values null."""
    question = found.question
    since, until = question.counted
    return {
        "from": since.isoformat(),
        "to": until.isoformat(),
        "metric": question.metric,
        "unit": METRICS[question.metric].unit,
        "by": list(question.by),
        "bucket": question.bucket,
        "buckets": [start.isoformat() for start in found.starts],
        "lines": [
            {
                "names": dict(zip(question.by, line.labels, strict=False)) if line.key is not None else None,
                **_of_document(found, line),
                "values": [exact(value) for value in line.values],
            }
            for line in _lines(found)
        ],
        "whole": _of_document(found, found.whole),
        "unpriced": found.unpriced,
    }


def _of_document(found: Answer, line: Line) -> dict[str, Any]:
    return {"total": exact(line.total), **dict(zip(_names(found), map(exact, _measures(line)), strict=True))}


def _names(found: Answer) -> list[str]:
    return [found.question.counts if name == "requests" else name for name in NAMES]


def _measures(line: Line) -> list[Any]:
    return [getattr(line.totals, measure.total) for measure in _MEASURES]


def _metric(found: Answer) -> list[str]:
    return [] if found.question.metric in NAMES else [found.question.metric]


def _lines(found: Answer) -> list[Line]:
    return [*(found.lines or [found.whole]), *([found.others] if found.others is not None else [])]
