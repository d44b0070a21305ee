"""From facts to a decision for a live request. A refusal is accounted for like any other end."""

from __future__ import annotations

import asyncio
import random
import time

import msgspec

from routing import engine
from routing.decision import Decision, NoHealthyCandidate, RouteRefused
from routing.facts.request_facts import RequestFacts
from routing.health import CallerHealth
from routing.snapshot import CandidateConfig, Snapshot
from streaming import refused
from streaming.attempts.policy import FIRST_WAIT
from streaming.encoding.encoder import Encoder
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.outcome import accounting
from streaming.runtime import Runtime


async def decide(
    exchange: Exchange, facts: RequestFacts, health: CallerHealth, snapshot: Snapshot, runtime: Runtime
) -> Decision:
    """Returns the decision about a request; while all candidates cool down for a moment only, it waits as often as the
    route retries. Raises Refused."""
    key, waited = exchange.key, 0
    try:
        if runtime.custom.is_on and engine.is_undecided(facts, key, snapshot):
            facts = msgspec.structs.replace(facts, chosen=await runtime.custom.choose(facts))
        while True:
            try:
                decision = engine.decide(facts, key, snapshot, health, time.time())
                break
            except NoHealthyCandidate as error:
                wait = _wait(error, exchange.lifecycle, runtime.retry_limit) if waited < error.route.retries else None
                if wait is None:
                    raise
            waited += 1
            await asyncio.sleep(wait)
    except RouteRefused as error:
        accounting.describe_refusal(exchange.account, facts, error)
        raise refused.of_routing(error) from error
    accounting.describe_decision(exchange.account, facts, decision)
    return decision


def _wait(error: NoHealthyCandidate, lifecycle: Lifecycle, most: float) -> float | None:
    """Returns for how many seconds to wait until a candidate may be tried again; None where that is too long."""
    if error.retry_after > most:
        return None
    # The jitter is the first retry's: requests that wait for the same moment do not all come at once.
    wait = error.retry_after + FIRST_WAIT * random.random()  # noqa: S311
    if error.route.deadline:
        lifecycle.limit(error.route.deadline)
    return None if lifecycle.loop.time() + wait >= lifecycle.deadline else wait


def announce_model(
    exchange: Exchange, encoder: Encoder, decision: Decision, candidate: CandidateConfig, number: int
) -> None:
    """Shows the model of an attempt in the answer's model field and headers, as the route and the key allow."""
    if decision.route.answers_as == "real":
        encoder.answers_as(candidate.model.name)
    if exchange.key.shows_routing:
        exchange.client.routing = [
            (b"x-gateway-route", _header(decision.route.name)),
            (b"x-gateway-decision", _header(decision.short(candidate, number))),
        ]


def _header(text: str) -> bytes:
    """A header's value: names may hold anything, headers only visible ASCII."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:500].encode("ascii")
