"""The same through a running server: damaged answers, and answers, lines and headers without an end."""

from __future__ import annotations

import random

import pytest

from providers.dialects import DIALECTS
from tests.claude.claude_stream import check_stream
from tests.claude.wire import TYPES, cases
from tests.fuzz.mutations import mutated
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.script import Endless, Reply, Step
from tests.harness.upstream import Upstream

a_dialect = pytest.mark.parametrize("dialect", DIALECTS)
MB = 1_000_000
BIG = "x" * 64_000


@a_dialect
def test_damaged_answers_are_streams_or_refusals_and_the_server_lives(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    recorded = cases(dialect)
    for number in range(30):
        case, other = random.choice(recorded), random.choice(recorded)
        body = mutated(case.body, other.body, case.ending, random.Random(random.random()))
        script = upstream.script(Reply([body], headers={"content-type": TYPES[case.ending]}))
        answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=number % 3 > 0))
        if answer.status != 200:
            assert answer.json["type"] == "error"
        elif number % 3:
            stream = check_stream(answer.raw, complete=False, parsable_tools=False, new_words=True)
            assert stream.complete != (stream.error is not None)
        else:
            assert answer.json["type"] == "message"
    script = upstream.script(speak.answer(dialect, "still here"))
    assert client.post(message(standing.routes[dialect].name, script.prompt)).stream().text == "still here"


@a_dialect
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_line_of_100_mb_is_given_up(
    dialect: str, stream: bool, gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply([b"data: ", Endless(b"x" * 65536, 100 * MB // 65536)]))
    before = gateway.resident_bytes()
    answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=stream))
    answer.error(502, "api_error")
    assert script.seen[0].sent < 60 * MB
    assert gateway.resident_bytes() - before < 80 * MB


@pytest.mark.parametrize(
    "line",
    [b"x-header: " + b"a" * 1000 + b"\r\n", b"a" * 65536, b"x-a: b\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
    ids=["headers", "one-header", "short-headers", "continue"],
)
def test_headers_that_never_end_are_an_error_in_time(
    line: bytes, gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply(before=[b"HTTP/1.1 200 OK\r\n", Endless(line)]))
    before = gateway.resident_bytes()
    answer = client.post(message(standing.routes["begins"].name, script.prompt))
    assert answer.status in {502, 504}, answer.raw
    script.wait_closed()
    assert gateway.resident_bytes() - before < 80 * MB


@pytest.mark.chaos
@a_dialect
def test_a_stream_of_250_megabytes_in_one_block_takes_no_memory(
    dialect: str, gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    piece = speak.more(dialect, BIG)
    steps: list[Step] = [
        speak.opening(dialect, "Once"),
        Endless(piece, 250 * MB // len(piece)),
        speak.closing(dialect),
    ]
    script = upstream.script(Reply(steps))
    largest = before = gateway.resident_bytes()
    received, tail = 0, b""
    with client.reading(message(standing.routes[dialect].name, script.prompt)) as reading:
        while data := reading.read():
            received += len(data)
            tail = (tail + data)[-100:]
            reading.raw.clear()
            if received % (50 * MB) < len(data):
                largest = max(largest, gateway.resident_bytes())
    assert received > 240 * MB
    assert largest - before < 60 * MB
    assert tail.endswith(b'data: {"type":"message_stop"}\n\n')


@a_dialect
def test_without_streaming_such_an_answer_is_given_up(
    dialect: str, gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply([speak.opening(dialect, "Once"), Endless(speak.more(dialect, BIG))]))
    before = gateway.resident_bytes()
    answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=False))
    answer.error(502, "api_error")
    assert gateway.resident_bytes() - before < 200 * MB
