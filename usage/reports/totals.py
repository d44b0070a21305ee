"""Lines of a report and how they add up; what is unknown is None and stays so. Reads no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from usage.rollups import measures

Axis = Literal["model", "team", "provider"]


if TYPE_CHECKING:

    class _Totals(msgspec.Struct, frozen=True):
        # Those that code names; a new one needs no line here.
        requests: int = 0
        errors: int = 0
        input: int | None = None
        cache_read: int | None = None
        cache_write: int | None = None
        output: int | None = None
        cost: Decimal | None = None
        unpriced: int = 0

else:
    _Totals = msgspec.defstruct(
        "_Totals",
        [(measure.total, Any, None if measure.kind == "sum" else 0) for measure in measures.REPORTED],
        frozen=True,
    )


class Totals(_Totals, frozen=True):
    """The measures of a report, added up. A sum is None if no request knew it; `unpriced` is the number of answers
    without a known cost."""

    @property
    def tokens(self) -> int:
        """All tokens together, for charts: an unknown sum adds nothing."""
        return sum(getattr(self, total) or 0 for total in _TOKENS)


_TOKENS = tuple(measure.total for measure in measures.REPORTED if measure.kind == "sum" and measure.unit == "tokens")


class Line(msgspec.Struct, frozen=True):
    """One line of a report. What it is not grouped by is None; a name that rows left empty is ''."""

    totals: Totals
    day: date | None = None
    team_id: int | None = None
    team_name: str = ""
    provider_name: str | None = None
    model_name: str | None = None


def by_day(daily_lines: Iterable[Line], axis: Axis) -> list[Line]:
    """Adds `daily` lines up per day and model, team or provider; days without rows are missing."""
    return _merged(daily_lines, lambda line: (line.day, *_key(line, axis)), axis, keep_day=True)


def by_axis(daily_lines: Iterable[Line], axis: Axis) -> list[Line]:
    """Adds `daily` lines up per model, team or provider, the busiest first."""
    merged = _merged(daily_lines, lambda line: _key(line, axis), axis, keep_day=False)
    return sorted(merged, key=lambda line: -line.totals.requests)


def summed(daily_lines: Iterable[Line]) -> Totals:
    """Adds `daily` lines up."""
    total = Totals()
    for line in daily_lines:
        total = _plus(total, line.totals)
    return total


def exact(value: int | Decimal | None) -> int | str | None:
    """Returns a total for programs: amounts as exact decimals, what is unknown as None."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def _key(line: Line, axis: Axis) -> tuple[Any, ...]:
    if axis == "provider":
        return (line.provider_name,)
    return (line.team_id,) if axis == "team" else (line.provider_name, line.model_name)


def _merged(
    daily_lines: Iterable[Line], key_of: Callable[[Line], tuple[Any, ...]], axis: Axis, *, keep_day: bool
) -> list[Line]:
    groups: dict[tuple[Any, ...], Line] = {}
    for line in daily_lines:
        key = key_of(line)
        found = groups.get(key)
        if found is not None:
            groups[key] = msgspec.structs.replace(found, totals=_plus(found.totals, line.totals))
            continue
        day = line.day if keep_day else None
        if axis == "team":
            groups[key] = Line(line.totals, day, team_id=line.team_id, team_name=line.team_name)
        else:
            groups[key] = Line(line.totals, day, provider_name=line.provider_name, model_name=line.model_name)
    return list(groups.values())


def _plus(one: Totals, other: Totals) -> Totals:
    def known(name: str) -> Any:
        values = [value for value in (getattr(one, name), getattr(other, name)) if value is not None]
        return sum(values) if values else None

    return Totals(**{name: known(name) for name in Totals.__struct_fields__})
