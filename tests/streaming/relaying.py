"""One POST /v1/messages through the relay in this process: a scripted upstream, no server and no database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from access.keys import KeyRecord
from providers.config import ModelConfig, ProviderConfig, Timeouts
from providers.outbound.upstream import Upstreams
from routing.facts.request_facts import TokenRatios
from routing.health import Health
from routing.snapshot import CandidateConfig
from streaming.custom_router import CustomRouter
from streaming.endpoints.messages import relay
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.load import Load
from streaming.exchange.quota import Quota
from streaming.exchange.sweeper import Sweeper
from streaming.runtime import Runtime
from tests.routing.builders import make_snapshot, route
from usage.journal.account import Account, new_identity, request_id_of
from usage.journal.records import RequestRecord

KEY = KeyRecord(id=7, name="mia", prefix="sk-px-ab", hash="", team_id=1, team_name="red")


def candidate(
    base_url: str, number: int = 1, path: str = "/v1", dialect: str = "openai_chat", **timeouts: float
) -> CandidateConfig:
    """A model of an OpenAI-compatible provider at the scripted upstream."""
    provider = ProviderConfig(
        id=number,
        name=f"provider{number}",
        dialect=dialect,
        base_url=f"{base_url}{path}",
        is_local=True,
        timeouts=Timeouts(**timeouts),
    )
    return CandidateConfig(number, provider, ModelConfig(id=number, provider_id=number, name=f"model{number}"))


class Relayed:
    """The exchange after its end, and what the client received."""

    def __init__(self, exchange: Exchange, messages: list[dict[str, Any]]) -> None:
        self.exchange = exchange
        self.status: int = messages[0]["status"] if messages else 0
        self.headers: dict[bytes, bytes] = dict(messages[0]["headers"]) if messages else {}
        self.body = b"".join(message["body"] for message in messages[1:])


async def relayed(
    prompt: str,
    *candidates: CandidateConfig,
    stream: bool = True,
    stops: Sequence[str] = (),
    health: Health | None = None,
    load: Load | None = None,
    quota: Quota | None = None,
    whole_body: Mapping[str, Any] | None = None,
    pushed: list[bytes] | None = None,
    takes: Callable[[bytes], bool] = lambda data: True,
    **route_fields: Any,
) -> Relayed:
    """Sends a request to a route over the candidates and returns what became of it.

    The client leaves as soon as it has its complete answer. `whole_body` replaces the request that is made of `prompt`.
    With `pushed` the server takes parts of a stream at once where it `takes` them, and puts them there as well.
    """
    body: dict[str, Any] = {
        "model": "r",
        "max_tokens": 50,
        "stream": stream,
        "messages": [{"role": "user", "content": prompt}],
    }
    if stops:
        body["stop_sequences"] = stops
    if whole_body is not None:
        body = dict(whole_body)
    incoming = [{"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}]
    outgoing: list[dict[str, Any]] = []
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await answered.wait()
        return {"type": "http.disconnect"}

    class Server:
        async def send(self, message: dict[str, Any]) -> None:
            outgoing.append(message)
            if message["type"] == "http.response.body" and not message["more_body"]:
                answered.set()

    class PushingServer(Server):
        def send_now(self, data: bytes) -> bool:
            if pushed is None or not takes(data):
                return False
            pushed.append(data)
            outgoing.append({"type": "http.response.body", "body": data, "more_body": True})
            return True

    identity, task = new_identity(), asyncio.current_task()
    assert task is not None
    account = Account(None, RequestRecord(id=identity, request_id=request_id_of(identity)))
    client = Client((Server() if pushed is None else PushingServer()).send)
    client.request_id = request_id_of(identity)
    exchanges: set[Exchange] = set()
    sweeper = Sweeper(exchanges)
    exchange = Exchange(account, client, KEY, {}, Lifecycle(task, sweeper.lag))
    exchange.quota = quota
    upstreams = Upstreams()
    runtime = SimpleNamespace(
        custom=CustomRouter(None, 1.0),
        ended=[],
        exchanges=exchanges,
        health=health or Health(),
        load=load or Load(),
        ratios=TokenRatios(),
        refusal=lambda: None,
        retry_limit=10.0,
        sweeper=sweeper,
        upstreams=upstreams,
    )
    sweeper.start()
    try:
        await relay(
            exchange, receive, make_snapshot(route(body["model"], *candidates, **route_fields)), cast(Runtime, runtime)
        )
    finally:
        await sweeper.stop()
        await upstreams.close()
    return Relayed(exchange, outgoing)
