"""The columns of each rollup: what its rows are about, and what they count."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.db import models

from usage.rollups.measures import ATTEMPT_COUNTED, ATTEMPT_DIMENSIONS, BINS, COUNTS, DIMENSIONS
from usage.rollups.models import (
    AttemptRollup,
    ClientRollup,
    DailyRollup,
    MonthRollup,
    SessionSummary,
    TagRollup,
    UsageRollup,
)


class Shape(NamedTuple):
    """Columns in order. Each rollup has SUMS, too."""

    dimensions: tuple[str, ...]
    counts: tuple[str, ...] = COUNTS
    bins: tuple[str, ...] = ()


SHAPES: Final[dict[type[models.Model], Shape]] = {
    UsageRollup: Shape(DIMENSIONS, bins=BINS),
    DailyRollup: Shape(DIMENSIONS, bins=BINS),
    MonthRollup: Shape(DIMENSIONS, bins=BINS),
    SessionSummary: Shape(("team_id", "key_id", "session_id")),
    TagRollup: Shape(("team_id", "team_name", "tags_id", "outcome")),
    ClientRollup: Shape(("team_id", "team_name", "client_name", "client_version", "outcome")),
    AttemptRollup: Shape(ATTEMPT_DIMENSIONS, tuple(count.name for count in ATTEMPT_COUNTED)),
}
