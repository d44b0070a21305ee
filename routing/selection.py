"""From a route to attempts: drops the candidates that cannot serve a request, orders the rest, caps them.

Pure but for the random numbers of a weighted order, which a caller may pass in. Every dropped candidate has its cause.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Protocol

import msgspec

from providers.config import ModelConfig
from routing.decision import Drop, Dropped
from routing.facts.request_facts import RequestFacts
from routing.snapshot import CandidateConfig, RouteConfig
from routing.spread import Draw, session_share, weighted_key
from usage.cost import cost, in_force

COMPARED_OUTPUT = 1000
"""Tokens of output that costs are compared with: the length of an answer is unknown before."""
MAX_REQUIRED_OUTPUT = 32_000
"""Tokens. Coding agents ask for as much as any model gives, so a higher `max_tokens` is a ceiling, no requirement."""


class LiveState(Protocol):
    """The state of the candidates as this process knows it.

    A protocol, so that decisions stay pure: the same question with the same answers gives the same decision.
    """

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Returns the seconds until a candidate may be tried again, None when it may be now.

        Also counts as cooling down: none of its provider's credentials may be used.
        """
        ...

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """Returns why a candidate is cooling down, as half a sentence."""
        ...

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Returns the recent average in seconds, None when it is unknown."""
        ...

    def in_flight(self, candidate: CandidateConfig) -> int:
        """Returns how many of its answers this process is streaming."""
        ...


class AllHealthy:
    """For explanations without traffic: every candidate is available, no time is known."""

    def cooling(self, candidate: CandidateConfig) -> float | None:
        return None

    def why_cooling(self, candidate: CandidateConfig) -> str:
        return ""

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        return None

    def in_flight(self, candidate: CandidateConfig) -> int:
        return 0


class Lack(msgspec.Struct, frozen=True):
    """What a model cannot do: a code and a clause. `soft`: it is tried all the same if no candidate can do it."""

    code: Drop
    text: str
    soft: bool = False


def lacking(facts: RequestFacts, model: ModelConfig) -> Lack | None:
    """Returns the first thing a request needs that a model cannot do. Unknown capabilities are assumed."""
    capabilities = model.capabilities
    if capabilities:
        if facts.tools and "tools" not in capabilities:
            return Lack(Drop.NO_TOOLS, "it calls no tools")
        if facts.images and "images" not in capabilities:
            return Lack(Drop.NO_IMAGES, "it reads no images")
        if facts.structured_output and "structured_output" not in capabilities:
            return Lack(Drop.NO_STRUCTURED_OUTPUT, "it follows no JSON schema")
        if facts.thinking_budget and "thinking" not in capabilities:
            return Lack(Drop.NO_THINKING, "it does not think", soft=True)
        if facts.prefill and "prefill" not in capabilities:
            return Lack(Drop.NO_PREFILL, "it does not continue a given beginning of the answer", soft=True)
    if model.context_window is not None and facts.input_estimate > model.context_window:
        # An estimate alone rejects no request.
        text = f"the prompt has about {facts.input_estimate} tokens, its window {model.context_window}"
        return Lack(Drop.WINDOW, text, soft=True)
    if model.max_output is not None and model.max_output < MAX_REQUIRED_OUTPUT and model.max_output < facts.max_tokens:
        return Lack(Drop.MAX_OUTPUT, f"it answers with {model.max_output} tokens at most", soft=True)
    return None


def select(
    route: RouteConfig, facts: RequestFacts, live: LiveState, now: float, draw: Draw = random.random
) -> tuple[tuple[CandidateConfig, ...], tuple[Dropped, ...], tuple[str, ...]]:
    """Returns the candidates to try in order, those dropped with their causes, and how they were ordered.

    `now` is POSIX seconds.
    """
    dropped = [Dropped(name, Drop.UNUSABLE, cause) for name, cause in route.dropped] if route.dropped else []
    capable: list[CandidateConfig] = []
    soft: list[Dropped] = []
    for candidate in route.candidates:
        lack = lacking(facts, candidate.model)
        if lack is None:
            capable.append(candidate)
        else:
            (soft if lack.soft else dropped).append(Dropped(candidate.name, lack.code, lack.text))
    how = []
    if soft:
        if capable:
            dropped += soft
        else:
            capable = _named(soft, route)
            how.append(f"no candidate fits completely, so those that nearly fit are tried ({soft[0].cause})")
    available = []
    for candidate in capable:
        seconds = live.cooling(candidate)
        if seconds is None:
            available.append(candidate)
        else:
            text = f"{live.why_cooling(candidate)}; it is tried again in {math.ceil(seconds)} s"
            dropped.append(Dropped(candidate.name, Drop.COOLING_DOWN, text, retry_after=seconds))
    ordered = available
    if len(available) > 1:
        ordered = _order(available, route, facts, live, now, draw)
        how.append(_HOW[route.order])
        if route.sticky and facts.session_id:
            ordered = _session_first(ordered, facts.session_id)
            how.append("the session stays with one candidate")
        ordered = ordered[: route.max_attempts]
    return tuple(ordered), tuple(dropped), tuple(how)


def _named(dropped: Sequence[Dropped], route: RouteConfig) -> list[CandidateConfig]:
    names = {each.candidate for each in dropped}
    return [candidate for candidate in route.candidates if candidate.name in names]


_HOW = {
    "sequence": "in the order of the route",
    "weighted": "in random order, by weight",
    "cheapest": "the cheapest first",
    "fastest": "the fastest to its first token first",
    "least_busy": "the least busy first",
}


def estimated_cost(
    candidate: CandidateConfig, facts: RequestFacts, now: float, output: int = COMPARED_OUTPUT
) -> int | None:
    """Returns pico-dollars for the request with so many tokens of output and no cache; None without prices."""
    return cost(in_force(candidate.model.prices, now), input=facts.input_estimate, output=output)


def _order(
    candidates: Sequence[CandidateConfig],
    route: RouteConfig,
    facts: RequestFacts,
    live: LiveState,
    now: float,
    draw: Draw,
) -> list[CandidateConfig]:
    match route.order:
        case "weighted":
            return sorted(candidates, key=lambda c: weighted_key(draw(), c.weight), reverse=True)
        case "cheapest":
            return sorted(candidates, key=lambda c: _known_first(estimated_cost(c, facts, now)))
        case "fastest":
            # A candidate without a measured time goes first once, to measure it.
            return sorted(candidates, key=lambda c: live.time_to_first_token(c) or 0.0)
        case "least_busy":
            return sorted(candidates, key=live.in_flight)
    return list(candidates)


def _session_first(candidates: list[CandidateConfig], session: str) -> list[CandidateConfig]:
    """Returns the candidates with the session's own one first."""
    own = max(candidates, key=lambda c: weighted_key(session_share(session, c.name), c.weight))
    return [own, *(candidate for candidate in candidates if candidate is not own)]


def _known_first(amount: int | None) -> tuple[bool, int]:
    return amount is None, amount or 0
