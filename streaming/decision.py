"""From facts to a decision, for a live request. A refusal is accounted for like any other end."""

from __future__ import annotations

import asyncio
import random
import time

import msgspec
from django.conf import settings

from routing import engine
from routing.decision import Decision, NoHealthyCandidate, RouteRefused
from routing.facts.content import without_subagent_tags
from routing.facts.request_facts import RequestFacts
from routing.snapshot import CandidateConfig, Snapshot
from streaming.attempts.policy import FIRST_WAIT
from streaming.exchange.exchange import Exchange
from streaming.ingress.claude import errors
from streaming.outcome import accounting
from streaming.runtime import Runtime


async def decide(exchange: Exchange, known: RequestFacts, snapshot: Snapshot, runtime: Runtime) -> Decision:
    """The decision about a request; its body loses what was meant for routing alone. Raises ClaudeError."""
    try:
        if runtime.custom.is_on and engine.is_undecided(known, exchange.key, snapshot):
            known = msgspec.structs.replace(known, chosen=await runtime.custom.choose(known))
        decision = await _decided(exchange, known, snapshot, runtime)
    except RouteRefused as error:
        accounting.describe_refusal(exchange, known, error)
        raise errors.of_routing(error) from error
    if known.subagent_tag and exchange.body is not None:
        exchange.body = without_subagent_tags(exchange.body)
    accounting.describe_decision(exchange, known, decision)
    return decision


async def _decided(exchange: Exchange, known: RequestFacts, snapshot: Snapshot, runtime: Runtime) -> Decision:
    """The decision; while everybody cools down for a moment only, it waits as often as the route retries."""
    waited = 0
    while True:
        try:
            return engine.decide(known, exchange.key, snapshot, runtime.health, time.time())
        except NoHealthyCandidate as error:
            if waited >= error.route.retries or error.retry_after > settings.RETRY_AFTER_LIMIT:
                raise
            # The jitter is the first retry's: those that wait for the same moment do not all come at once.
            wait = error.retry_after + FIRST_WAIT * random.random()  # noqa: S311
            if error.route.deadline:
                exchange.limit(error.route.deadline)
            if exchange.loop.time() + wait >= exchange.deadline:
                raise
        waited += 1
        await asyncio.sleep(wait)


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
