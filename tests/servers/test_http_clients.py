"""docs/headers.md held to for every HTTP client there is: bytes over a bare socket, to uvicorn and through nginx."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, assert_done, request, talk
from tests.harness.script import Gate, Reply, Script
from tests.harness.upstream import Upstream

JAVA = (
    ("Connection", "Upgrade, HTTP2-Settings"),
    ("Host", "gateway"),
    ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
    ("Upgrade", "h2c"),
    ("User-Agent", "Java-http-client/17.0.17"),
)
"""What java.net.http.HttpClient sends with the first request to a server (read off its socket, 2026-11)."""


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [("x-api-key", "sk-ant-api03-old"), ("authorization", "Bearer KEY")],
        [("X-API-KEY", "KEY"), ("Authorization", "Bearer sk-ant-oat01-other")],
        [("x-api-key", "sk-ant-old"), ("x-api-key", "KEY")],
        [("x-api-key", "KEY"), ("x-api-key", "sk-ant-old")],
        [("x-api-key", "sk-ant-old, KEY")],
        [("AUTHORIZATION", "bEaReR   KEY ")],
        [("Authorization", "KEY")],
        [("X-Api-Key", "Bearer KEY")],
        [("authorization", "Basic dXNlcjpwYXNz"), ("x-api-key", "KEY")],
    ],
)
def test_whichever_header_holds_a_known_key_counts(
    lines: list[tuple[str, str]], port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    sent = [(name, value.replace("KEY", key[1])) for name, value in lines]
    assert_done(*talk(port, request(body, ("Host", "x"), *sent, CLOSE)))


def test_an_unknown_key_in_both_headers_is_401_and_so_is_none(port: int, body: dict[str, Any]) -> None:
    unknown = (("x-api-key", "sk-px-one"), ("authorization", "Bearer sk-px-two"))
    (answer,) = talk(port, request(body, ("Host", "x"), *unknown, CLOSE))
    assert "unknown" in answer.error(401, "authentication_error")
    (answer,) = talk(port, request(body, ("Host", "x"), ("authorization", "Basic dXNlcjpwYXNz"), CLOSE))
    assert "No client key was sent" in answer.error(401, "authentication_error")


# --- header lines -----------------------------------------------------------------------------------------------------


def test_repeated_lines_are_one_list_and_single_values_are_the_last(
    port: int, body: dict[str, Any], key: tuple[str, str], script: Script
) -> None:
    lines = [
        ("anthropic-beta", "context-1m-2025-08-07"),
        ("Anthropic-Beta", "interleaved-thinking-2025-05-14, context-1m-2025-08-07"),
        ("ANTHROPIC-BETA", "context-1m-2025-08-07"),
        ("anthropic-version", "2023-01-01"),
        ("anthropic-version", "2023-06-01"),
        ("x-claude-code-session-id", "one"),
        ("x-claude-code-session-id", "two"),
    ]
    assert_done(*talk(port, request(body, ("Host", "x"), key, *lines, CLOSE)))
    seen = script.seen[0].headers
    assert [beta.strip() for beta in seen["anthropic-beta"].split(",")] == [
        "context-1m-2025-08-07",
        "interleaved-thinking-2025-05-14",
        "context-1m-2025-08-07",
    ]
    assert (seen["anthropic-version"], seen["x-claude-code-session-id"]) == ("2023-06-01", "two")


# --- offers, expectations, versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_the_first_request_of_java_is_read_whole(
    pieces: int, chunked: bool, port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    offering = request(body, *JAVA, key, chunked=chunked)
    at = offering.index(b"\r\n\r\n") + 4
    parts = {
        1: [offering],
        2: [offering[:at], offering[at:]],
        3: [offering[:30], offering[30 : at + 9], offering[at + 9 :]],
    }
    # The connection is as good as before: Java's second request makes no offer.
    assert_done(*talk(port, *parts[pieces], request(body, ("Host", "gateway"), key, CLOSE), pause=0.2))


@pytest.mark.parametrize("offer", ["websocket", "h2c", "TLS/1.0, HTTP/2.0"])
def test_no_offer_is_taken(offer: str, port: int, body: dict[str, Any], key: tuple[str, str]) -> None:
    lines = (("Host", "x"), key, ("Connection", "upgrade, close"), ("Upgrade", offer))
    assert_done(*talk(port, request(body, *lines)))
    (models,) = talk(port, request(None, *lines, start="GET /v1/models HTTP/1.1"))
    assert (models.status, "upgrade" in models.headers) == (200, False)


def test_offers_one_after_the_other_are_all_declined(port: int, body: dict[str, Any], key: tuple[str, str]) -> None:
    offering = request(body, *JAVA, key)
    assert_done(*talk(port, offering + offering + request(body, ("Host", "x"), key, CLOSE)))


def test_a_large_body_waits_for_100_continue(
    port: int, body: dict[str, Any], key: tuple[str, str], script: Script
) -> None:
    # As curl does it, and the .NET framework with every POST.
    whole = request({**body, "system": "s" * 2_000_000}, ("Host", "x"), key, ("Expect", "100-Continue"), CLOSE)
    at = whole.index(b"\r\n\r\n") + 4
    interim, answer = talk(port, whole[:at], whole[at:])
    assert interim.status == 100
    assert_done(answer)
    assert len(script.seen[0].body["system"]) == 2_000_000


def test_who_is_refused_is_not_asked_for_a_body(gateway: Gateway) -> None:
    lines = (("Host", "x"), ("Expect", "100-continue"), ("Content-Length", "5000"))
    refused, *rest = talk(gateway.port, request(None, *lines, CLOSE))
    assert (refused.status, rest) == (401, [])


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(
    port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    start = "POST /v1/messages HTTP/1.0"
    for lines in ([], [("Connection", "close")], [("Expect", "100-continue")]):
        (answer,) = talk(port, request(body, key, *lines, start=start))
        assert_done(answer)
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"
    (whole,) = talk(port, request({**body, "stream": False}, key, start=start))
    assert (whole.json["content"][0]["text"], whole.headers["connection"]) == ("done", "close")


def test_http_1_0_gets_each_piece_at_once(gateway: Gateway, upstream: Upstream, standing: Standing) -> None:
    gate = Gate()
    reply = Reply([speak.opening("anthropic", "first"), gate, speak.closing("anthropic")])
    asked = message(standing.routes["anthropic"].name, upstream.script(reply).prompt)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(request(asked, ("x-api-key", standing.key.secret), start="POST /v1/messages HTTP/1.0"))
        received = b""
        while b"first" not in received:
            received += connection.recv(65536)
        gate.open()
        while data := connection.recv(65536):
            received += data
    assert received.endswith(b'data: {"type":"message_stop"}\n\n')
