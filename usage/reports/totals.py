"""Lines of a report and adding them up; what nobody knows is None and stays so. Pure: the database is report's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec

Axis = Literal["model", "team"]


class Totals(msgspec.Struct, frozen=True):
    """Sums over rows; `unpriced` counts the answers whose cost nobody could tell."""

    requests: int = 0
    errors: int = 0
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: Decimal | None = None
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """All kinds together, for charts: what is unknown adds nothing."""
        return sum(kind or 0 for kind in (self.input, self.cache_read, self.cache_write, self.output))


class Line(msgspec.Struct, frozen=True):
    """One line of a report. What a question did not ask for is None; a name that rows left empty is ''."""

    totals: Totals
    day: date | None = None
    team_id: int | None = None
    team_name: str = ""
    provider_name: str | None = None
    model_name: str | None = None


def by_day(daily_lines: Iterable[Line], axis: Axis) -> list[Line]:
    """`daily` lines added up per day and model or team; days without rows are missing."""
    return _merged(daily_lines, lambda line: (line.day, *_key(line, axis)), axis, keep_day=True)


def by_axis(daily_lines: Iterable[Line], axis: Axis) -> list[Line]:
    """`daily` lines added up per model or team, the busiest first."""
    merged = _merged(daily_lines, lambda line: _key(line, axis), axis, keep_day=False)
    return sorted(merged, key=lambda line: -line.totals.requests)


def summed(daily_lines: Iterable[Line]) -> Totals:
    """`daily` lines added up."""
    whole = Totals()
    for line in daily_lines:
        whole = _plus(whole, line.totals)
    return whole


def _key(line: Line, axis: Axis) -> tuple[Any, ...]:
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
