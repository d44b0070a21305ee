"""When sample requests are made: busy mornings, quiet evenings and weekends, more of them each month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

SLICE = 5_000
"""Requests of a slice, at most. Another number gives other rows."""
HOUR_MS = 3_600_000
_BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 14, 16, 18, 18, 16, 12, 8, 6, 5, 4, 3, 2)
"""The share of each hour (UTC) of a working day; weekends have a fifth of it."""
_YEAR_MS = 365 * 24 * HOUR_MS
_GROWTH = 0.6
"""What is missing at the beginning of a year of what there is at its end."""


class Slice(msgspec.Struct, frozen=True):
    """A stretch of time and its requests: it can be made without the ones before."""

    seed: int
    number: int
    pieces: tuple[tuple[float, float, int], ...]
    """Of an hour: from when (Unix milliseconds), how long, and how many requests."""

    @property
    def hourly(self) -> float:
        """Requests an hour."""
        return sum(piece[2] for piece in self.pieces) * HOUR_MS / sum(piece[1] for piece in self.pieces)


def slices(count: int, since: datetime, until: datetime, seed: int) -> list[Slice]:
    """Divides `count` requests, from `since` to before `until`, into slices of SLICE at most, in order of time."""
    found: list[list[tuple[float, float, int]]] = []
    room = 0
    for piece in _pieces(count, since, until):
        if piece[2] > room:
            found.append([])
            room = SLICE
        found[-1].append(piece)
        room -= piece[2]
    return [Slice(seed, number, tuple(pieces)) for number, pieces in enumerate(found)]


def _pieces(count: int, since: datetime, until: datetime) -> Iterator[tuple[float, float, int]]:
    """Yields the hours, or parts of them, that have requests: SLICE at most."""
    first, last = int(since.timestamp() * 1000), int(until.timestamp() * 1000)
    hours = list(range(first, last, HOUR_MS))
    weights = []
    for hour in hours:
        moment = datetime.fromtimestamp(hour / 1000, UTC)
        growth = 1.0 - _GROWTH * min(1.0, (last - hour) / _YEAR_MS)
        weights.append(_BY_HOUR[moment.hour] * (0.2 if moment.weekday() >= 5 else 1.0) * growth)
    total, so_far, done = sum(weights), 0.0, 0
    for hour, weight in zip(hours, weights, strict=True):
        so_far += weight
        due = round(count * so_far / total) - done
        parts = -(-due // SLICE)
        for part in range(parts):
            length = min(HOUR_MS, last - hour) / parts
            yield hour + part * length, length, due * (part + 1) // parts - due * part // parts
        done += due
