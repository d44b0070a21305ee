"""From facts to a decision, for a live request. A refusal is accounted for like any other end."""

from __future__ import annotations

import time

import msgspec

from routing import engine
from routing.decision import Decision, RouteRefused
from routing.facts import RequestFacts
from routing.reading import without_subagent_tags
from routing.snapshot import Snapshot
from streaming import accounting, errors
from streaming.exchange import Exchange
from streaming.runtime import Runtime


async def decide(exchange: Exchange, known: RequestFacts, snapshot: Snapshot, runtime: Runtime) -> Decision:
    """The decision about a request; its body loses what was meant for routing alone. Raises ClaudeError."""
    try:
        if runtime.custom.is_on and engine.is_undecided(known, exchange.key, snapshot):
            known = msgspec.structs.replace(known, chosen=await runtime.custom.choose(known))
        decision = engine.decide(known, exchange.key, snapshot, now=time.time())
    except RouteRefused as error:
        accounting.describe_refusal(exchange, known, error)
        raise errors.of_routing(error) from error
    if known.subagent_tag and exchange.body is not None:
        exchange.body = without_subagent_tags(exchange.body)
    accounting.describe_decision(exchange, known, decision)
    return decision
