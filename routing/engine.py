"""One pure decision per request: the phases choose a route, its candidates become attempts.

The same function serves live traffic and every page that explains it.
"""

from __future__ import annotations

from access.keys import KeyRecord
from routing.decision import Decision, Dropped, NoSuchRoute, NoUsableCandidate, Reason
from routing.facts import RequestFacts
from routing.phases import PHASES
from routing.snapshot import Snapshot

_NAMED = 20


def decide(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Decision:
    """What to try for a request, in order.

    Raises NoSuchRoute, RouteForbidden or NoUsableCandidate, each with a sentence for the caller.
    """
    reasons: list[Reason] = []
    for phase, choose in PHASES:
        choice = choose(facts, key, snapshot)
        reasons.append(Reason(phase, choice.text))
        if choice.route is None:
            continue
        dropped = tuple(Dropped(candidate, cause) for candidate, cause in choice.route.dropped)
        if not choice.route.candidates:
            causes = "; ".join(f"{d.candidate}: {d.cause}" for d in dropped) or "it has no candidates"
            raise NoUsableCandidate(
                f"No model can answer for {choice.route.name!r} ({causes}). An administrator of this gateway must "
                "look at the route.",
                tuple(reasons),
            )
        return Decision(
            route=choice.route,
            attempts=choice.route.candidates,
            phase=phase,
            rule=choice.rule,
            reasons=tuple(reasons),
            dropped=dropped,
        )
    raise NoSuchRoute(_unknown(facts.request_model, key, snapshot), tuple(reasons))


def usable_routes(key: KeyRecord, snapshot: Snapshot) -> list[str]:
    """Names of the routes that a key may use, sorted."""
    return [name for name in snapshot.routes if key.may_use(name)]


def _unknown(asked: str, key: KeyRecord, snapshot: Snapshot) -> str:
    names = usable_routes(key, snapshot)
    if not names:
        return f"There is no model {asked!r}, and no route is open to this client key yet. Ask an administrator."
    more = f" and {len(names) - _NAMED} more (GET /v1/models lists all)" if len(names) > _NAMED else ""
    return f"There is no model {asked!r} here. Use one of: {', '.join(names[:_NAMED])}{more}."
