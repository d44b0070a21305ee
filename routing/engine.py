"""One pure decision per request: the phases choose a route, its candidates become attempts.

The same function serves live traffic and every page that explains it.
"""

from __future__ import annotations

import time

import msgspec

from access.keys import KeyRecord
from routing.decision import (
    Decision,
    Drop,
    Dropped,
    NoCapableCandidate,
    NoHealthyCandidate,
    NoSuchRoute,
    NoUsableCandidate,
    Reason,
    RouteRefused,
)
from routing.facts.request_facts import RequestFacts
from routing.live import AllWell, Live
from routing.phases import PHASES
from routing.phases.choice import Choice
from routing.selection import select
from routing.snapshot import RouteConfig, Snapshot

_NAMED = 20
_ALL_WELL = AllWell()


class Chosen(msgspec.Struct, frozen=True):
    """What the phases came to: the choice, the phase that made it, and every phase's verdict on the way."""

    choice: Choice
    phase: str
    reasons: tuple[Reason, ...]


def decide(
    facts: RequestFacts, key: KeyRecord, snapshot: Snapshot, live: Live = _ALL_WELL, now: float | None = None
) -> Decision:
    """What to try for a request, in order; `now` is POSIX seconds.

    Raises a RouteRefused, with a sentence for the caller.
    """
    chosen = choose(facts, key, snapshot)
    route = chosen.choice.route
    if route is None:
        raise NoSuchRoute(_unknown(facts.request_model, key, snapshot), chosen.reasons)
    attempts, dropped, how = select(route, facts, live, time.time() if now is None else now)
    reasons = (*chosen.reasons, *(Reason("candidates", text) for text in how))
    if not attempts:
        raise _refused(route, reasons, dropped)
    return Decision(
        route=route,
        attempts=attempts,
        phase=chosen.phase,
        rule=chosen.choice.rule,
        scenario=chosen.choice.scenario,
        reasons=reasons,
        dropped=dropped,
    )


def choose(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Chosen:
    """Let the phases speak, in order, until one chooses. Raises RouteForbidden."""
    reasons: list[Reason] = []
    suggested: tuple[Choice, str] | None = None
    for phase, ask in PHASES:
        if suggested is not None and phase == "default_route":
            break
        try:
            choice = ask(facts, key, snapshot)
        except RouteRefused as error:
            error.reasons = (*reasons, *error.reasons)
            raise
        reasons.append(Reason(phase, choice.text))
        if choice.route is None:
            continue
        if not choice.yields:
            return Chosen(choice, phase, tuple(reasons))
        suggested = suggested or (choice, phase)
    if suggested is not None:
        return Chosen(*suggested, tuple(reasons))
    return Chosen(Choice(None, "", ""), "", tuple(reasons))


def is_undecided(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> bool:
    """Whether no phase before the custom callable's chooses, so that it is worth asking. Raises RouteForbidden."""
    for phase, ask in PHASES:
        if phase == "custom":
            return True
        choice = ask(facts, key, snapshot)
        if choice.route is not None and not choice.yields:
            return False
    return False


def usable_routes(key: KeyRecord, snapshot: Snapshot) -> list[str]:
    """Names of the routes that a key may use, sorted."""
    return [name for name in snapshot.routes if key.may_use(name)]


def _refused(route: RouteConfig, reasons: tuple[Reason, ...], dropped: tuple[Dropped, ...]) -> RouteRefused:
    causes = "; ".join(f"{lost.candidate}: {lost.cause}" for lost in dropped) or "it has no candidates"
    waits = [lost.retry_after for lost in dropped if lost.retry_after is not None]
    if waits:
        return NoHealthyCandidate(
            f"Every model that could answer for {route.name!r} failed lately ({causes}).",
            reasons,
            dropped,
            route=route,
            retry_after=min(waits),
        )
    if any(lost.code is not Drop.UNUSABLE for lost in dropped):
        return NoCapableCandidate(
            f"No model of {route.name!r} can do what this request asks for ({causes}). Ask for another model.",
            reasons,
            dropped,
        )
    return NoUsableCandidate(
        f"No model can answer for {route.name!r} ({causes}). An administrator of this gateway must look at the route.",
        reasons,
        dropped,
    )


def _unknown(asked: str, key: KeyRecord, snapshot: Snapshot) -> str:
    names = usable_routes(key, snapshot)
    if not names:
        return f"There is no model {asked!r}, and no route is open to this client key yet. Ask an administrator."
    more = f" and {len(names) - _NAMED} more (GET /v1/models lists all)" if len(names) > _NAMED else ""
    return f"There is no model {asked!r} here. Use one of: {', '.join(names[:_NAMED])}{more}."
