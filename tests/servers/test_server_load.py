"""Many streams at once, and one client that does not read."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.claude.claude_stream import check_stream
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, SOON
from tests.harness.rows import Rows
from tests.harness.script import Endless, Gate, Reply
from tests.harness.upstream import Upstream

STREAMS = 50
TOKENS = 2_000
MEGABYTE = 1024 * 1024


def test_fifty_streams_of_two_thousand_tokens_lose_no_byte(
    orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    key = make_key()
    gateway.wait_snapshot()
    client = Client(gateway.base_url, key.secret)
    everyone_is_here = Gate()

    def answer_of(number: int) -> tuple[str, Reply]:
        words = [f"{number}.{n} \N{SNOWMAN} " for n in range(TOKENS)]
        steps = [b"".join(map(speak.chat_text, words[n : n + 250])) for n in range(0, TOKENS, 250)]
        return "".join(words), Reply([speak.chat_text("> "), everyone_is_here, *steps, speak.chat_end(output=TOKENS)])

    texts, scripts = zip(
        *((text, upstream.script(reply)) for text, reply in map(answer_of, range(STREAMS))), strict=True
    )

    def read(number: int) -> tuple[str, bytes]:
        body = message(standing.routes["openai_chat"].name, scripts[number].prompt)
        with client.reading(body, timeout=PATIENCE) as reading:
            answer = reading.finish()
        return answer.request_id, answer.raw

    with ThreadPoolExecutor(STREAMS) as pool:
        futures = [pool.submit(read, number) for number in range(STREAMS)]
        for script in scripts:
            script.wait()
        everyone_is_here.open()
        results = [future.result() for future in futures]
    for text, (_, raw) in zip(texts, results, strict=True):
        stream = check_stream(raw)
        assert stream.text == "> " + text
        assert stream.usage["output_tokens"] == TOKENS
    rows = orm.of_key(key, STREAMS)
    assert {row.request_id for row in rows} == {request_id for request_id, _ in results}
    assert [(row.outcome, row.output_tokens) for row in rows] == [("completed", TOKENS)] * STREAMS


def test_a_client_that_does_not_read_holds_the_upstream_back_and_costs_no_memory(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    warm = upstream.script(speak.chat_answer())
    client.post(message(standing.routes["openai_chat"].name, warm.prompt)).stream()
    part = b"".join(speak.chat_text("x" * 1000) for _ in range(50))
    offered = Reply([speak.chat_text("go"), Endless(part, times=200 * MEGABYTE // len(part)), speak.chat_end()])
    script = upstream.script(offered)
    before = gateway.resident_bytes()
    largest = before
    with client.reading(message(standing.routes["openai_chat"].name, script.prompt)) as reading:
        seen = script.wait()
        sent, still_since = -1, time.monotonic()
        while time.monotonic() - still_since < 1.0 and not seen.finished:
            if seen.sent != sent:
                sent, still_since = seen.sent, time.monotonic()
            largest = max(largest, gateway.resident_bytes())
            time.sleep(0.01)
        assert largest - before < 30 * MEGABYTE
        assert sent < 60 * MEGABYTE, "the gateway took the answer of a client that does not read"
        # It goes on as soon as the client reads.
        while seen.sent <= sent + MEGABYTE:
            assert reading.read()
        left = reading.leave()
    assert script.wait_closed() - left < SOON
    assert orm.request(reading.headers["request-id"]).outcome == "client_closed"


def test_an_idle_connection_and_a_slow_sender_do_not_hold_others_up(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    host, port = "127.0.0.1", gateway.port
    script = upstream.script(speak.chat_answer("unhindered"))
    with socket.create_connection((host, port)), socket.create_connection((host, port)) as slow:
        slow.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{")
        began = time.monotonic()
        threads = [
            threading.Thread(target=client.post, args=(message(standing.routes["openai_chat"].name, script.prompt),))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert time.monotonic() - began < SOON
    assert len(script.seen) == 5
