"""Budgets refuse with a status, or end an answer as if it had reached its limit: never with an error event, however
long a client was held back or kept alive before."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.budgets.spending import PER_MILLION, Spending, answering, cents_for, cost, refused, reserved, settled
from tests.harness.configure import Key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply, Wait
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

OUTPUT = 100
HELD_BACK = 0.5
"""Seconds after which the hasty gateway begins a stream without content."""


@pytest.fixture
def spending(hasty_gateway: Gateway, upstream: Upstream, orm: Rows) -> Spending:
    return Spending(upstream, [hasty_gateway])


def test_a_stream_without_content_ends_where_no_budget_lets_another_attempt_follow(
    spending: Spending, upstream: Upstream, orm: Rows
) -> None:
    provider = make_provider("anthropic", f"{upstream.base_url}/money")
    dear = make_model(provider, {name: price * 20 for name, price in PER_MILLION.items()})
    spending.route = make_route([spending.model, dear])
    made = spending.script(
        lambda prompt: spending.body(prompt, OUTPUT),
        lambda tokens: [Reply([b"{}"], status=500, before=[Wait(3 * HELD_BACK)])],
    )
    key = spending.key(cents_for(2 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    answer = spending.send(made.body, key)
    assert answer.status == 200
    stream = answer.stream()
    assert (stream.stop_reason, stream.text) == ("max_tokens", "")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.attempts, row.stop_reason) == ("completed", 1, "max_tokens")
    assert "budget_reached" in (row.fidelity or [])
    # The next request is told why.
    assert refused(spending.send(made.body, key))
    assert len(made.script.seen) == 1
    assert settled(2, key_id=key.row.pk) == (0, 0)


def test_a_body_that_arrives_slowly_is_refused_with_a_status(spending: Spending) -> None:
    gate = Gate()
    made = spending.script(
        lambda prompt: spending.body(prompt, OUTPUT),
        lambda tokens: [Reply([gate, *answering(tokens, OUTPUT).steps]), answering(tokens, OUTPUT)],
    )
    key = spending.key(cents_for(reserved(made.tokens, OUTPUT)))
    spending.ready()
    # Another one has the money, so that this one waits for it.
    first = threading.Thread(target=spending.send, args=(made.body, key))
    first.start()
    try:
        made.script.wait()
        status, body = sent_slowly(spending.servers[0], key, json.dumps(made.body).encode())
    finally:
        gate.open()
        first.join()
    assert (status, json.loads(body)["error"]["type"]) == (429, "billing_error")
    assert settled(2, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)


def sent_slowly(server: Gateway, key: Key, body: bytes) -> tuple[int, bytes]:
    """The answer to a request whose last byte leaves after the time for which answers are held back."""
    parts = urlsplit(server.base_url)
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)) as connection:
        connection.putrequest("POST", "/v1/messages")
        for name, value in {
            "x-api-key": key.secret,
            "anthropic-version": "2023-06-01",
            "content-type": "application/json",
            "content-length": str(len(body)),
        }.items():
            connection.putheader(name, value)
        connection.endheaders(body[:-1])
        time.sleep(1.2 * HELD_BACK)
        connection.send(body[-1:])
        response = connection.getresponse()
        return response.status, response.read()
