"""A budget as requests need it. Knows no database."""

from __future__ import annotations

import re
from operator import attrgetter

import msgspec

PICO = 10**12
"""Pico-dollars in a dollar."""


class BudgetRecord(msgspec.Struct, frozen=True):
    """A budget of a key, a user, a team, or one member of a team. Money is in pico-dollars, times are POSIX seconds.

    A usage row counts when it has those of `key_id`, `owner_id` and `team_id` that are set, and its request began at
    `counts_from` or later. `label` ends a sentence, such as "of team Blue". `subject` is the user of a member's budget,
    0 of others. `models` is the text that `model_names` was made of, None for all models.
    """

    id: int
    whom: str
    label: str
    amount: int
    period: str
    zone: str
    counts_from: float
    subject: int = 0
    week_starts: int = 0
    models: str = ""
    model_names: re.Pattern[str] | None = None
    hard: bool = True
    key_id: int | None = None
    owner_id: int | None = None
    team_id: int | None = None

    @property
    def shared(self) -> bool:
        """Whether it is the pool of a team."""
        return self.whom == "team"

    def counts(self, model_name: str) -> bool:
        """Returns whether what a provider's model costs counts."""
        return self.model_names is None or self.model_names.fullmatch(model_name) is not None

    def has_windows_of(self, other: BudgetRecord) -> bool:
        """Returns whether both have the same windows: those of a budget that nobody has spent of may change."""
        return _window(self) == _window(other)


_window = attrgetter("subject", "period", "zone", "week_starts", "models", "key_id", "owner_id", "team_id")
