"""Daphne, the server of `runserver`: development only, but a stream, a leaver and a stop behave as under uvicorn.

Known limit, documented: a client that does not read makes Daphne buffer its whole answer.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON
from tests.harness.rows import Rows
from tests.harness.script import HANG, Gate, Reply
from tests.harness.upstream import Upstream
from usage.models import RequestLog


@pytest.fixture
def daphne(standing: Standing) -> Iterator[Gateway]:
    """A Daphne of its own for a test, because tests stop it."""
    running = Gateway("daphne", daphne=True)
    try:
        yield running.start()
    finally:
        running.stop()


def test_daphne_streams_notices_leavers_and_loses_no_row_when_stopped(
    daphne: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    client = Client(daphne.base_url, standing.key.secret)
    # Chunk by chunk: each is there before the next one is sent.
    gates = [Gate() for _ in range(3)]
    steps = [part for n, gate in enumerate(gates) for part in (gate, speak.chat_text(f"part {n} "))]
    script = upstream.script(Reply([speak.chat_text("start "), *steps, speak.chat_end()]))
    with client.reading(message(standing.routes["openai_chat"].name, script.prompt)) as reading:
        reading.until(b"start ")
        for number, gate in enumerate(gates):
            assert f"part {number}".encode() not in reading.raw
            gate.open()
            reading.until(f"part {number} ".encode())
        streamed = reading.finish()
    assert streamed.stream().text == "start part 0 part 1 part 2 "

    leaving = upstream.script(Reply([speak.opening("anthropic", "Once"), HANG]))
    with client.reading(message(standing.routes["anthropic"].name, leaving.prompt)) as reading:
        reading.until(b"Once")
        left = reading.leave()
    assert leaving.wait_closed() - left < SOON
    assert orm.request(reading.headers["request-id"]).outcome == "client_closed"

    whole = upstream.script(speak.chat_answer("quick"))
    answers = [client.post(message(standing.routes["openai_chat"].name, whole.prompt)) for _ in range(20)]
    endless = upstream.script(Reply([speak.opening("anthropic", "Never "), HANG]))
    with client.reading(message(standing.routes["anthropic"].name, endless.prompt)) as reading:
        reading.until(b"Never ")
        daphne.signal(signal.SIGTERM)
        daphne.wait_exit()
    # The rows of finished requests are written although Daphne sends no lifespan event when it ends.
    ids = [answer.request_id for answer in [streamed, *answers]]
    assert RequestLog.objects.filter(request_id__in=ids, outcome="completed").count() == len(ids)
    assert endless.wait_closed() > 0


def test_daphne_takes_a_large_body(daphne: Gateway, standing: Standing, upstream: Upstream) -> None:
    client = Client(daphne.base_url, standing.key.secret)
    script = upstream.script(speak.claude_answer("large"))
    body = message(standing.routes["anthropic"].name, script.prompt, system="s" * 3_000_000)
    assert client.post(body).stream().text == "large"
    assert client.get("/readyz").status == 200
    assert b"password" in client.get("/admin/login/").raw
