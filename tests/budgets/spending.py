"""Servers on one database, a provider that bills as it is asked to, and keys with budgets: for tests of exactness."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db.models import Sum

from access.models import Budget, Team
from routing.facts import request_facts
from routing.facts.request_facts import TokenRatios
from streaming.exchange import local_time
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.script import Reply, Script, Seen, Step, Wait
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars, to_pico

PER_MILLION = {"input": Decimal(2_000), "output": Decimal(10_000), "cache_read": Decimal(40)}
"""Dollars, so high that a budget of some cents ends soon."""
_INPUT, _OUTPUT, _CACHE_READ = 2_000 * 10**6, 10_000 * 10**6, 40 * 10**6
"""The same in pico-dollars per token."""
_TOKEN = b"abc "


class Scripted(NamedTuple):
    """A request's body, the estimate of its prompt in tokens, and what the provider answers and sees."""

    body: dict[str, Any]
    tokens: int
    script: Script


class Spending:
    """A route to a model with a price, and servers that serve it."""

    def __init__(self, upstream: Upstream, servers: Sequence[Gateway], **fields: Any) -> None:
        self.upstream = upstream
        self.servers = servers
        provider = make_provider("anthropic", f"{upstream.base_url}/money")
        self.model = make_model(provider, PER_MILLION)
        self.route = make_route([self.model, make_model(provider, PER_MILLION)], **fields)

    def key(self, dollars: Decimal | float | None = None, team: Team | None = None, **fields: Any) -> Key:
        """A key with a budget of its own, unless `dollars` is None."""
        key = make_key(team)
        if dollars is not None:
            Budget.objects.create(key=key.row, amount=Decimal(str(dollars)), **fields)
        return key

    def script(self, body_of: Callable[[str], dict[str, Any]], replies: Callable[[int], Sequence[Reply]]) -> Scripted:
        """A request, and the answers of the provider to it, made of the estimate of its prompt in tokens."""
        made = Script({"": []})
        body = body_of(made.prompt)
        tokens = estimated(body)
        made = Script({"": list(replies(tokens))}, mark=made.mark)
        self.upstream.play(made)
        return Scripted(body, tokens, made)

    def ready(self) -> None:
        """Until the servers know what was configured."""
        for server in self.servers:
            server.wait_snapshot()

    def body(self, prompt: str, max_tokens: int, **fields: Any) -> dict[str, Any]:
        """A request."""
        return message(self.route.name, prompt, **{"max_tokens": max_tokens, **fields})

    def send(self, body: dict[str, Any], key: Key, server: int = 0, **headers: str) -> Answer:
        """Its answer."""
        return Client(self.servers[server].base_url, key.secret).post(body, headers=headers)

    def send_all(self, body: dict[str, Any], key: Key, count: int) -> list[Answer]:
        """So many at the same time, by turns to each server."""
        return [one.result() for one in self.sending(body, key, count)]

    def sending(self, body: dict[str, Any], key: Key, count: int) -> list[Future[Answer]]:
        """The same, under way."""
        start = threading.Barrier(count)

        def one(number: int) -> Answer:
            start.wait()
            return self.send(body, key, number % len(self.servers))

        pool = ThreadPoolExecutor(count)
        try:
            return [pool.submit(one, number) for number in range(count)]
        finally:
            pool.shutdown(wait=False)


def estimated(body: dict[str, Any], written: bytes = b"") -> int:
    """The tokens of a request's prompt as a worker estimates them that knows nothing of its session; `written` is how
    the client writes it, if not as harness.call does."""
    size = len(written or json.dumps(body).encode())
    return request_facts.gather(body, {}, size, TokenRatios(), key=None, now=local_time.present()).input_estimate


def reserved(input_tokens: int, output_tokens: int) -> int:
    """What is reserved for so much input and output, in pico-dollars."""
    return math.ceil(input_tokens * 5 / 4) * _INPUT + output_tokens * _OUTPUT


def cost(input_tokens: int, output_tokens: int, cached: int = 0) -> int:
    """What that costs."""
    return input_tokens * _INPUT + output_tokens * _OUTPUT + cached * _CACHE_READ


def answering(
    input_tokens: int, output_tokens: int, *, pause: float = 0.0, wait: float = 0.0, each: int = 10, cached: int = 0
) -> Reply:
    """An answer that bills so many tokens, whose text has as many by its size: `each` of them at a time."""
    steps: list[Step] = [Wait(wait)] if wait else []
    usage = {"input_tokens": input_tokens, "output_tokens": 1, "cache_read_input_tokens": cached}
    start = {"id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": [], "usage": usage}
    steps.append(_event("message_start", message={**start, "stop_reason": None, "stop_sequence": None}))
    steps.append(_event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    for at in range(0, output_tokens, each):
        text = _TOKEN.decode() * min(each, output_tokens - at)
        steps.append(_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}))
        if pause:
            steps.append(Wait(pause))
    steps.append(_event("content_block_stop", index=0))
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    steps.append(_event("message_delta", delta=delta, usage={"output_tokens": output_tokens}))
    steps.append(_event("message_stop"))
    return Reply(steps)


def text_tokens(reply: Reply, seen: Seen) -> int:
    """How many tokens of text of an answer that `answering` made the provider sent, before it was ended."""
    left, tokens = seen.sent, 0
    for step in reply.steps:
        if isinstance(step, bytes):
            left -= len(step)
            tokens += step.count(_TOKEN) if left >= 0 else 0
    return tokens


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))


def settled(requests: int, **whose: Any) -> tuple[int, int]:
    """What the only window of a key (or team) has spent and what is drawn of it, once all is quiet: so many requests
    have rows, and what workers held is back. The window is the sum of its rows."""
    rows = RequestLog.objects.filter(**whose).values("id")

    def quiet() -> bool:
        held = BudgetBlock.objects.filter(**{f"window__{name}": value for name, value in whose.items()})
        return rows.count() >= requests and not held.aggregate(total=Sum("amount"))["total"]

    until(quiet, lambda: f"{rows.count()} of {requests} rows; {list(BudgetBlock.objects.values())}")
    (window,) = BudgetWindow.objects.filter(**whose)
    total = AttemptLog.objects.filter(request_log_id__in=rows).aggregate(total=Sum("cost"))["total"] or to_dollars(0)
    assert window.spent == total, "a window is not the sum of its rows"
    return to_pico(window.spent), to_pico(window.drawn)


def refused(answer: Answer) -> bool:
    """Whether an answer is the refusal for a budget."""
    return answer.status == 429 and bool(answer.json["error"]["type"] == "billing_error")


def cents_for(pico: int) -> Decimal:
    """The least amount of a budget, in whole cents, that covers so many pico-dollars."""
    return Decimal(math.ceil(pico / 10**10)) / 100
