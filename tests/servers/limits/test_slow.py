"""Slow, silent and half-closed connections end; those that are merely long do not."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, assert_done, request
from tests.harness.patience import SOON, until
from tests.harness.rows import Rows
from tests.harness.script import Endless, Gate, Reply, Wait
from tests.harness.upstream import Upstream
from tests.servers.limits.conftest import BODY_SECONDS, HEADER_SECONDS, IDLE_SECONDS, Connect

HOST = ("Host", "x")
LOOKS = 0.6
"""Seconds between two looks of the server at its connections, and a little: its clock may be as late."""


def _bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_a_connection_that_says_nothing_is_closed(strict: Gateway, connect: Connect) -> None:
    peer = connect(strict.port)
    assert HEADER_SECONDS - LOOKS <= peer.lasted() < SOON


def test_a_head_that_does_not_come_in_time_is_refused(strict: Gateway, connect: Connect) -> None:
    peer = connect(strict.port)
    peer.send(*_bytes(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * 100), every=0.1)
    (answer,) = peer.everything()
    assert "did not come within 1.5 seconds" in answer.error(408, "timeout_error")
    assert answer.headers["connection"] == "close"


def test_so_is_the_head_of_a_later_request(strict: Gateway, connect: Connect, key: tuple[str, str]) -> None:
    peer = connect(strict.port)
    peer.send(request(None, HOST, key, start="GET /v1/models HTTP/1.1") + b"GET /v1")
    listed, late = peer.everything()
    assert listed.status == 200
    late.error(408, "timeout_error")


def test_an_idle_connection_is_closed_and_blank_lines_do_not_keep_it(
    strict: Gateway, connect: Connect, key: tuple[str, str]
) -> None:
    for blank in (b"", b"\r\n"):
        peer = connect(strict.port)
        peer.send(request(None, HOST, key, start="GET /v1/models HTTP/1.1"))
        time.sleep(0.5)
        peer.send(blank)
        assert IDLE_SECONDS - LOOKS <= peer.lasted() < SOON


def test_a_body_that_comes_too_slowly_is_refused(
    strict: Gateway, connect: Connect, body: dict[str, Any], key: tuple[str, str], standing: Standing, orm: Rows
) -> None:
    head, _, data = request(body, HOST, key, ("X-Claude-Code-Session-Id", "slow-body")).partition(b"\r\n\r\n")
    peer = connect(strict.port)
    peer.send(head + b"\r\n\r\n", *_bytes(data), every=0.1)
    (answer,) = peer.everything()
    assert "more slowly than 2000 bytes per second" in answer.error(408, "timeout_error")


def test_a_body_has_a_total_time_too(strict: Gateway, connect: Connect, key: tuple[str, str]) -> None:
    peer = connect(strict.port)
    head = request(None, HOST, key, ("Content-Length", "30000000"))
    # Fast enough, but without end.
    assert peer.send(head, *[b" " * 3_000] * 300, every=0.1) < 300
    (answer,) = peer.everything()
    assert f"did not come within {BODY_SECONDS:g} seconds" in answer.error(408, "timeout_error")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_comes_steadily_is_taken(
    chunked: bool, strict: Gateway, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    data = json.dumps({**body, "system": "s" * 20_000}).encode()
    sent = request(data, HOST, key, CLOSE, chunked=chunked)
    peer = connect(strict.port)
    peer.send(*(sent[at : at + 1_500] for at in range(0, len(sent), 1_500)), every=0.1)
    assert_done(*peer.everything())


def test_a_body_that_waits_behind_another_request_is_not_slow(
    strict: Gateway, connect: Connect, upstream: Upstream, standing: Standing, key: tuple[str, str]
) -> None:
    gate = Gate()
    first = upstream.script(Reply([speak.opening("anthropic", "first"), gate, speak.closing("anthropic")]))
    second = upstream.script(speak.claude_answer("done"))
    route = standing.routes["anthropic"].name
    late = request(message(route, second.prompt, system="s" * 3_000_000), HOST, key, CLOSE)
    peer = connect(strict.port)
    peer.socket.settimeout(0.5)
    sent = request(message(route, first.prompt), HOST, key) + late
    try:
        while sent:
            sent = sent[peer.socket.send(sent) :]
    except TimeoutError:
        pass
    first.wait()
    time.sleep(BODY_SECONDS + 1)
    gate.open()
    peer.socket.settimeout(SOON)
    peer.send(sent)
    answers = peer.everything()
    assert [answer.stream().text for answer in answers] == ["first", "done"]


def test_a_refused_body_is_not_read_for_ever(strict: Gateway, connect: Connect) -> None:
    peer = connect(strict.port)
    peer.send(request(None, HOST, ("X-Api-Key", "sk-px-nobody"), ("Content-Length", "30000000")))
    began = time.monotonic()
    taken = peer.send(*[b"x" * 1_000] * 700, every=0.1)
    assert taken < 700
    assert time.monotonic() - began < 60
    (answer,) = peer.everything()
    answer.error(401, "authentication_error")


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/mod", b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_client_that_ends_its_side_is_gone(sent: bytes, gateway: Gateway, connect: Connect) -> None:
    peer = connect(gateway.port)
    peer.send(sent)
    time.sleep(0.2)
    began = time.monotonic()
    peer.socket.shutdown(socket.SHUT_WR)
    peer.everything()
    assert time.monotonic() - began < SOON


def test_a_stream_is_as_long_as_it_likes(
    strict: Gateway, connect: Connect, upstream: Upstream, standing: Standing, key: tuple[str, str]
) -> None:
    words = [part for n in range(8) for part in (Wait(1.0), speak.more("anthropic", f"<{n}>"))]
    script = upstream.script(Reply([speak.opening("anthropic", "long"), *words, speak.closing("anthropic")]))
    peer = connect(strict.port)
    peer.send(request(message(standing.routes["anthropic"].name, script.prompt), HOST, key, CLOSE))
    (answer,) = peer.everything()
    assert answer.stream().text == "long" + "".join(f"<{n}>" for n in range(8))


def test_a_client_that_never_reads_is_given_up(
    strict: Gateway, connect: Connect, upstream: Upstream, standing: Standing, key: tuple[str, str]
) -> None:
    part = b"".join(speak.chat_text("x" * 1000) for _ in range(50))
    script = upstream.script(Reply([speak.chat_text("go"), Endless(part, times=4_000), speak.chat_end()]))
    peer = connect(strict.port)
    peer.send(request(message(standing.routes["openai_chat"].name, script.prompt), HOST, key))
    script.wait_closed()


def test_a_process_that_stood_still_blames_nobody(
    strict: Gateway, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    import signal

    sent = request(body, HOST, key, CLOSE)
    early, half = connect(strict.port), connect(strict.port)
    half.send(sent[:-20])
    time.sleep(0.3)
    strict.signal(signal.SIGSTOP)
    time.sleep(HEADER_SECONDS + BODY_SECONDS)
    early.send(sent)
    half.send(sent[-20:])
    strict.signal(signal.SIGCONT)
    assert_done(*early.everything())
    assert_done(*half.everything())


def test_expect_and_http_1_0_are_slow_and_quick_as_others(
    strict: Gateway, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    data = json.dumps(body).encode()
    length = ("Content-Length", str(len(data)))
    patient = connect(strict.port)
    patient.send(request(None, HOST, key, length, ("Expect", "100-continue"), CLOSE), data, every=0.5)
    interim, *rest = patient.everything()
    assert interim.status == 100
    assert_done(*rest)
    silent = connect(strict.port)
    silent.send(request(None, HOST, key, length, ("Expect", "100-continue"), CLOSE))
    assert [answer.status for answer in silent.everything()] == [100, 408]
    refused = connect(strict.port)
    refused.send(request(None, HOST, length, ("Expect", "100-continue"), CLOSE))
    assert [answer.status for answer in refused.everything()] == [401]
    old = connect(strict.port)
    old.send(request(None, key, length, start="POST /v1/messages HTTP/1.0"), data[:-1], every=0.2)
    old.everything()[0].error(408, "timeout_error")
    until(lambda: True)
