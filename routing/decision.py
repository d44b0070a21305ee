"""A routing decision, with everything needed to explain it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from routing.snapshot import CandidateConfig, RouteConfig
from usage.sentence import Sentence


class Reason(msgspec.Struct, frozen=True):
    """One step of a phase and what it found."""

    phase: str
    text: str


class Drop(StrEnum):
    """Why a candidate is not tried."""

    UNUSABLE = "unusable"
    """Switched off, or without a credential or its platform's library: an administrator must act."""
    NO_TOOLS = "no_tools"
    NO_IMAGES = "no_images"
    NO_STRUCTURED_OUTPUT = "no_structured_output"
    NO_THINKING = "no_thinking"
    NO_PREFILL = "no_prefill"
    WINDOW = "window"
    MAX_OUTPUT = "max_output"
    OVER_BUDGET = "over_budget"
    """The budget of the key or the team is used up. Reserved: this gateway has no budgets yet."""
    COOLING_DOWN = "cooling_down"


class Dropped(msgspec.Struct, frozen=True):
    """A candidate that is not tried: the cause as a code and in a sentence. `retry_after` is seconds."""

    candidate: str
    code: Drop
    cause: str
    retry_after: float | None = None


class Decision(msgspec.Struct, frozen=True):
    """The candidates to try in order, the phase and rule that chose the route, reasons, and what was dropped.

    It serves many requests: most are decided as one before them.
    """

    route: RouteConfig
    attempts: tuple[CandidateConfig, ...]
    phase: str
    rule: str
    scenario: str = ""
    reasons: tuple[Reason, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    _json: list[bytes] = []

    def short(self, candidate: CandidateConfig, number: int) -> str:
        """Returns the decision in one line for response headers: what chose, and which attempt this is."""
        chosen = f"{self.phase}/{self.rule}" if self.rule else self.phase
        model = f"{candidate.provider.name}:{candidate.model.name}"
        return f"{chosen} -> {model}; attempt {number} of {max(number, len(self.attempts))}"

    def explained(self) -> dict[str, Any]:
        """Returns the decision as a usage row stores it: names and sentences only."""
        explained = _explained(self.reasons, self.dropped)
        explained["attempts"] = [candidate.name for candidate in self.attempts]
        if self.scenario:
            explained["scenario"] = self.scenario
        return explained

    def explained_json(self) -> bytes:
        """Returns the same as JSON, which is made once."""
        if not self._json:
            self._json.append(msgspec.json.encode(self.explained()))
        return self._json[0]


class RouteRefused(Exception):
    """No decision: base class of its causes. `message` is for the caller, `why` for the usage row."""

    def __init__(
        self, message: str, reasons: tuple[Reason, ...] = (), dropped: tuple[Dropped, ...] = (), *, why: Sentence
    ) -> None:
        super().__init__(message)
        self.message = message
        self.why = why
        self.reasons = reasons
        self.dropped = dropped

    def explained(self) -> dict[str, Any]:
        """Returns why there is no decision, as a usage row stores it."""
        return _explained(self.reasons, self.dropped)


class NoSuchRoute(RouteRefused):
    """No phase chose a route for the name."""


class RouteDisabled(RouteRefused):
    """The name is that of a route which is switched off."""


class RouteForbidden(RouteRefused):
    """The key may not use the route."""


class NothingAllowed(RouteRefused):
    """The key may use no route and no model at all; an administrator must act."""


class NoUsableCandidate(RouteRefused):
    """The route has no candidate that can be called; an administrator must act."""


class NoCapableCandidate(RouteRefused):
    """None of the route's candidates can do what the request asks for: another route is needed."""


class NoHealthyCandidate(RouteRefused):
    """All capable candidates are cooling down; `retry_after` is seconds until the first is tried again."""

    def __init__(
        self,
        message: str,
        reasons: tuple[Reason, ...],
        dropped: tuple[Dropped, ...],
        *,
        why: Sentence,
        route: RouteConfig,
        retry_after: float,
    ) -> None:
        super().__init__(message, reasons, dropped, why=why)
        self.route = route
        self.retry_after = retry_after


def _explained(reasons: tuple[Reason, ...], dropped: tuple[Dropped, ...]) -> dict[str, Any]:
    return {
        "reasons": [[reason.phase, reason.text] for reason in reasons],
        "dropped": [[each.candidate, each.cause] for each in dropped] if dropped else [],
    }
