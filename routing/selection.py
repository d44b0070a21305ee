"""From a route to attempts: drop the candidates that cannot serve a request, put the rest in order, cap them.

Pure but for the dice of a weighted order, which a caller may hand in. Every candidate that is dropped leaves its cause.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence

from routing.decision import Drop, Dropped
from routing.facts.needs import lacking
from routing.facts.request_facts import RequestFacts
from routing.live import Live
from routing.snapshot import CandidateConfig, RouteConfig
from usage.cost import cost, in_force

Dice = Callable[[], float]
"""A number from 0 to 1."""

COMPARED_OUTPUT = 1000
"""Tokens of output that costs are compared with: how long an answer gets nobody knows before."""


def select(
    route: RouteConfig, facts: RequestFacts, live: Live, now: float, dice: Dice = random.random
) -> tuple[tuple[CandidateConfig, ...], tuple[Dropped, ...], tuple[str, ...]]:
    """The candidates to try in order, those dropped with their causes, and how the order came about.

    `now` is POSIX seconds.
    """
    dropped = [Dropped(name, Drop.UNUSABLE, cause) for name, cause in route.dropped]
    able: list[CandidateConfig] = []
    spared: list[Dropped] = []
    for candidate in route.candidates:
        lack = lacking(facts, candidate.model)
        if lack is None:
            able.append(candidate)
        else:
            (spared if lack.soft else dropped).append(Dropped(candidate.name, lack.code, lack.text))
    how = []
    if not able and spared:
        names = {lost.candidate for lost in spared}
        able = [candidate for candidate in route.candidates if candidate.name in names]
        how.append(f"no candidate fits wholly, so those are tried that nearly do ({spared[0].cause})")
    else:
        dropped += spared
    well = []
    for candidate in able:
        seconds = live.cooling(candidate)
        if seconds is None:
            well.append(candidate)
        else:
            text = f"{live.why_cooling(candidate)}; it is tried again in {math.ceil(seconds)} s"
            dropped.append(Dropped(candidate.name, Drop.COOLING_DOWN, text, retry_after=seconds))
    ordered = _ordered(well, route, facts, live, now, dice)
    if len(ordered) > 1:
        how.append(_HOW[route.order])
        if route.sticky and facts.session_id:
            ordered = _sticky(ordered, facts.session_id)
            how.append("the session stays with one candidate")
    return tuple(ordered[: route.max_attempts]), tuple(dropped), tuple(how)


_HOW = {
    "sequence": "in the order of the route",
    "weighted": "by chance, by weight",
    "cheapest": "the cheapest first",
    "fastest": "the fastest to its first token first",
    "least_busy": "the least busy first",
}


def _ordered(
    candidates: Sequence[CandidateConfig],
    route: RouteConfig,
    facts: RequestFacts,
    live: Live,
    now: float,
    dice: Dice,
) -> list[CandidateConfig]:
    match route.order:
        case "weighted":
            # Efraimidis and Spirakis: the order in which a draw by weight would take them.
            return sorted(candidates, key=lambda c: math.log(max(dice(), 1e-12)) / max(c.weight, 1e-9), reverse=True)
        case "cheapest":
            return sorted(candidates, key=lambda c: _known_first(estimated_cost(c, facts, now)))
        case "fastest":
            # Nobody knows how fast a candidate is that was not asked yet: it goes first once, to find out.
            return sorted(candidates, key=lambda c: live.time_to_first_token(c) or 0.0)
        case "least_busy":
            return sorted(candidates, key=live.in_flight)
    return list(candidates)


def _sticky(candidates: list[CandidateConfig], session: str) -> list[CandidateConfig]:
    """The session's own candidate first, by rendezvous hashing: every worker finds the same one without asking."""
    own = max(candidates, key=lambda candidate: _score(session, candidate))
    return [own, *(candidate for candidate in candidates if candidate is not own)]


def _score(session: str, candidate: CandidateConfig) -> float:
    digest = hashlib.blake2b(f"{session}\0{candidate.name}".encode(), digest_size=8).digest()
    # 52 bits: more would round up to 1, whose logarithm is 0.
    share = ((int.from_bytes(digest) >> 12) + 0.5) / 2**52
    return -max(candidate.weight, 1e-9) / math.log(share)


def estimated_cost(
    candidate: CandidateConfig, facts: RequestFacts, now: float, output: int = COMPARED_OUTPUT
) -> int | None:
    """What the request would cost in pico-dollars with so many tokens of output, no cache; None without prices."""
    return cost(in_force(candidate.model.prices, now), input=facts.input_estimate, output=output)


def _known_first(amount: int | None) -> tuple[bool, int]:
    return amount is None, amount or 0
