"""What routing decided, with everything needed to explain it."""

from __future__ import annotations

from typing import Any

import msgspec

from routing.snapshot import CandidateConfig, RouteConfig


class Reason(msgspec.Struct, frozen=True):
    """One step of a phase and what it found."""

    phase: str
    text: str


class Dropped(msgspec.Struct, frozen=True):
    """A candidate that is not tried, and why."""

    candidate: str
    cause: str


class Decision(msgspec.Struct, frozen=True):
    """The candidates to try in order, the phase and rule that chose the route, reasons, and what was dropped."""

    route: RouteConfig
    attempts: tuple[CandidateConfig, ...]
    phase: str
    rule: str
    reasons: tuple[Reason, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    def explained(self) -> dict[str, Any]:
        """The decision as it is stored on a usage row: names and sentences only."""
        return {
            "reasons": [[reason.phase, reason.text] for reason in self.reasons],
            "attempts": [f"{candidate.provider.name}: {candidate.model.name}" for candidate in self.attempts],
            "dropped": [[dropped.candidate, dropped.cause] for dropped in self.dropped],
        }


class RouteRefused(Exception):
    """No decision: base of the two ways to get none. The text is for the caller."""

    def __init__(self, message: str, reasons: tuple[Reason, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.reasons = reasons


class NoSuchRoute(RouteRefused):
    """The name is no route, and no default route answers for it."""


class RouteForbidden(RouteRefused):
    """The key may not use the route."""


class NoUsableCandidate(RouteRefused):
    """The route has no candidate that can be called; an administrator must act."""
