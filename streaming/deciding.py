"""From facts to a decision, for a live request. A refusal is accounted for like any other end."""

from __future__ import annotations

import time

import msgspec

from routing import engine
from routing.decision import Decision, RouteRefused
from routing.facts.facts import RequestFacts
from routing.facts.reading import without_subagent_tags
from routing.snapshot import CandidateConfig, Snapshot
from streaming import accounting, errors
from streaming.exchange import Exchange
from streaming.runtime import Runtime


async def decide(exchange: Exchange, known: RequestFacts, snapshot: Snapshot, runtime: Runtime) -> Decision:
    """The decision about a request; its body loses what was meant for routing alone. Raises ClaudeError."""
    try:
        if runtime.custom.is_on and engine.is_undecided(known, exchange.key, snapshot):
            known = msgspec.structs.replace(known, chosen=await runtime.custom.choose(known))
        decision = engine.decide(known, exchange.key, snapshot, runtime.health, time.time())
    except RouteRefused as error:
        accounting.describe_refusal(exchange, known, error)
        raise errors.of_routing(error) from error
    if known.subagent_tag and exchange.body is not None:
        exchange.body = without_subagent_tags(exchange.body)
    accounting.describe_decision(exchange, known, decision)
    return decision


def tell(exchange: Exchange, candidate: CandidateConfig, number: int) -> None:
    """Let the answer say which model gives it: in its model field and in headers, as the route and the key allow."""
    decision, encoder = exchange.decision, exchange.encoder
    if decision is None or encoder is None:
        return
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
