"""One pure decision per request: the phases choose a route, its candidates become attempts.

The same function serves live traffic and every page that explains it.
"""

from __future__ import annotations

import time
from typing import LiteralString

import msgspec

from access.keys import KeyRecord
from routing.decision import (
    Decision,
    Drop,
    Dropped,
    NoCapableCandidate,
    NoHealthyCandidate,
    NoUsableCandidate,
    Reason,
    RouteRefused,
)
from routing.facts.request_facts import RequestFacts
from routing.phases import PHASES
from routing.phases.choice import Choice, refuse_unknown
from routing.selection import AllHealthy, LiveState, select
from routing.snapshot import RouteConfig, Snapshot
from usage.sentence import Sentence, joined

_MAX_CAUSES = 3
_MOST_NAMES = 1000
_ALL_HEALTHY = AllHealthy()


class Chosen(msgspec.Struct, frozen=True):
    """The phases' choice, the phase that made it, and every phase's reason up to it. `last` is the decision that it led
    to before, if every candidate could be tried, and how they were ordered."""

    choice: Choice
    phase: str
    reasons: tuple[Reason, ...]
    last: list[tuple[Decision, tuple[str, ...]]] = []


_named: tuple[Snapshot | None, dict[str, Chosen]] = (None, {})
"""What the phase `name` chose for names of a snapshot: it looks at nothing but the name and the allow-list, and nearly
all requests have one of a few names."""


def decide(
    facts: RequestFacts, key: KeyRecord, snapshot: Snapshot, live: LiveState = _ALL_HEALTHY, now: float | None = None
) -> Decision:
    """Returns what to try for a request, in order; `now` is POSIX seconds.

    Raises RouteRefused with a sentence for the caller.
    """
    chosen = choose(facts, key, snapshot)
    route = chosen.choice.route
    if route is None:
        refuse_unknown(facts.request_model, key, snapshot, chosen.reasons)
    attempts, dropped, how = select(route, facts, live, time.time() if now is None else now)
    if not dropped:
        for usual, ordered in chosen.last:
            if usual.attempts == attempts and ordered == how:
                return usual
    reasons = chosen.reasons
    if how:
        reasons = (*reasons, *(Reason("candidates", text) for text in how))
    if not attempts:
        raise _refused(route, reasons, dropped)
    choice = chosen.choice
    decision = Decision(route, attempts, chosen.phase, choice.rule, choice.scenario, reasons, dropped)
    if not dropped:
        chosen.last[:] = [(decision, how)]
    return decision


def choose(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Chosen:
    """Runs the phases in order until one chooses. Raises RouteRefused."""
    global _named
    of, known = _named
    if of is not snapshot:
        # A thread that explains another snapshot may do so at any time, which costs a run through the phases.
        _, known = _named = snapshot, {}
    chosen = known.get(facts.request_model)
    if chosen is None or facts.subagent_tag or not key.may_use(chosen.choice.rule):
        chosen = _run(facts, key, snapshot)
        final = chosen.phase == "name" and not chosen.choice.yields and not facts.subagent_tag
        if final and len(known) < _MOST_NAMES:
            known[facts.request_model] = chosen
    return chosen


def _run(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Chosen:
    reasons: list[Reason] = []
    suggested: tuple[Choice, str] | None = None
    for phase, run in PHASES:
        if suggested is not None and phase == "default_route":
            break
        try:
            choice = run(facts, key, snapshot)
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
    """Whether no phase before `custom` chooses, so that the custom callable must be asked. Raises RouteRefused."""
    for phase, run in PHASES:
        if phase == "custom":
            return True
        choice = run(facts, key, snapshot)
        if choice.route is not None and not choice.yields:
            return False
    return False


def _refused(route: RouteConfig, reasons: tuple[Reason, ...], dropped: tuple[Dropped, ...]) -> RouteRefused:
    causes = "; ".join(f"{each.candidate}: {each.cause}" for each in dropped) or "it has no candidates"
    waits = [each.retry_after for each in dropped if each.retry_after is not None]
    if waits:
        return NoHealthyCandidate(
            f"No model of {route.name!r} is available now ({causes}).",
            reasons,
            dropped,
            why=_why("No model of {route!r} is available now ({causes}).", route, dropped, code="no_healthy_candidate"),
            route=route,
            retry_after=min(waits),
        )
    if any(each.code is not Drop.UNUSABLE for each in dropped):
        return NoCapableCandidate(
            f"No model of {route.name!r} can do what this request asks for ({causes}). Ask for another model.",
            reasons,
            dropped,
            why=_why(
                "No model of {route!r} can do what this request asks for ({causes}).",
                route,
                dropped,
                code="no_capable_candidate",
            ),
        )
    return NoUsableCandidate(
        f"No model of {route.name!r} can be called ({causes}). Ask an administrator to check the route.",
        reasons,
        dropped,
        why=_why("No model of {route!r} can be called ({causes}).", route, dropped, code="no_usable_candidate"),
    )


def _why(template: LiteralString, route: RouteConfig, dropped: tuple[Dropped, ...], *, code: LiteralString) -> Sentence:
    causes = [Sentence("{name}: {cause}", name=each.candidate, cause=each.cause) for each in dropped[:_MAX_CAUSES]]
    return Sentence(
        template, code=code, route=route.name, causes=joined("; ", causes) if causes else "it has no candidates"
    )
