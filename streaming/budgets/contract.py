"""What budgets ask of the journal and of the attempts under way."""

from __future__ import annotations

from typing import Protocol


class Journaled(Protocol):
    """What budgets ask of the journal: whether it fails, and when files of it disappeared."""

    failing: str | None
    disappeared_at: float | None

    @property
    def lacks(self) -> bool:
        """Whether it lacks lines that it should have."""
        ...


class Running(Protocol):
    """The reservation of an attempt under way."""

    def shrink(self) -> None:
        """Returns what the attempt does not need."""
        ...
