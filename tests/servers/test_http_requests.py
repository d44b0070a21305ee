"""Bodies and paths as clients write them, and what is no HTTP request at all: to uvicorn and through nginx."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Answer, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, assert_done, request, talk
from tests.harness.script import Gate, Reply, Script
from tests.harness.upstream import Upstream

# --- bodies -----------------------------------------------------------------------------------------------------------


def test_a_chunked_body_is_read_and_its_trailers_are_no_headers(
    port: int, body: dict[str, Any], key: tuple[str, str], script: Script
) -> None:
    trailers = {"x-api-key": "sk-px-evil", "anthropic-beta": "from-a-trailer"}
    lines = (("Host", "x"), key, ("Trailer", "x-api-key"), CLOSE)
    assert_done(*talk(port, request(body, *lines, chunked=True, trailers=trailers)))
    assert "anthropic-beta" not in script.seen[0].headers


def _deflated(data: bytes) -> bytes:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return raw.compress(data) + raw.flush()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _deflated),
        ("identity", bytes),
        ("identity, gzip", gzip.compress),
    ],
)
def test_a_compressed_body_is_decompressed(
    coding: str, compress: Any, chunked: bool, port: int, body: dict[str, Any], key: tuple[str, str], script: Script
) -> None:
    data = compress(json.dumps({**body, "system": "s" * 300_000}).encode())
    lines = (("Host", "x"), key, ("Content-Encoding", coding), CLOSE)
    assert_done(*talk(port, request(data, *lines, chunked=chunked)))
    seen = script.seen[0]
    assert (len(seen.body["system"]), seen.headers.get("content-encoding")) == (300_000, None)


def test_a_body_that_cannot_be_decompressed_is_refused_with_the_reason(
    port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    def refused(data: bytes, coding: str) -> Answer:
        (answer,) = talk(port, request(data, ("Host", "x"), key, ("Content-Encoding", coding), CLOSE))
        return answer

    whole = gzip.compress(json.dumps(body).encode())
    for coding in ("br", "zstd", "gzip, gzip"):
        answer = refused(whole, coding)
        assert coding in answer.error(415, "invalid_request_error")
        assert answer.headers["accept-encoding"] == "gzip, deflate"
    for broken in (b"{}", whole[:-5], whole + b"more", b""):
        assert "gzip" in refused(broken, "gzip").error(400, "invalid_request_error")
    assert "33554432" in refused(gzip.compress(bytes(40_000_000)), "gzip").error(413, "request_too_large")


def test_a_byte_order_mark_is_no_part_of_the_body(port: int, body: dict[str, Any], key: tuple[str, str]) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(body).encode()
    assert_done(*talk(port, request(data, ("Host", "x"), key, CLOSE)))
    (twice,) = talk(port, request(b"\xef\xbb\xbf" + data, ("Host", "x"), key, CLOSE))
    assert "not valid JSON" in twice.error(400, "invalid_request_error")


# --- paths and methods ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/v1/messages/", "//v1/messages", "/v1//messages//", "/v1/v1/messages", "//v1/v1/messages?beta=true",
     "http://gateway/v1/messages", "/v1/messages?", "/v1%2Fmessages"],
)  # fmt: skip
def test_a_path_written_a_little_differently_is_understood(
    path: str, port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    assert_done(*talk(port, request(body, ("Host", "gateway"), key, CLOSE, start=f"POST {path} HTTP/1.1")))


def test_so_are_the_other_paths(port: int, standing: Standing, key: tuple[str, str]) -> None:
    name = standing.routes["chain"].name

    def got(path: str, method: str = "GET") -> Answer:
        (answer,) = talk(port, request(None, ("Host", "x"), key, CLOSE, start=f"{method} {path} HTTP/1.1"))
        return answer

    assert got("/v1/models/?limit=1").json["data"]
    assert got("//v1/me/").json["type"] == "me"
    for path in (f"/v1/models/{name}/", f"/v1//models/{name}", f"/v1/v1/models/{name}"):
        assert got(path).json["id"] == name


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/V1/messages", "/v1/mesages", "/v1messages", "/v1/messages;a=b", "/v1beta/models", "/v2/messages",
     "/messages", "/chat/completions", "/anthropic/v1/messages", "/api/v1/messages", "/", "/favicon.ico"],
)  # fmt: skip
def test_whatever_else_is_a_404_in_json(path: str, port: int, body: dict[str, Any], key: tuple[str, str]) -> None:
    (answer,) = talk(port, request(body, ("Host", "x"), key, CLOSE, start=f"POST {path} HTTP/1.1"))
    text = answer.error(404, "not_found_error")
    assert f"POST {path}" in text
    assert "POST /v1/messages," in text


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/messages", "set its base URL to the address of this gateway with /v1 behind it."),
        ("/v1/v1/v1/messages", "to the address of this gateway, without a path and without /v1."),
        ("/admin/v1/messages", "to the address of this gateway, without a path and without /v1."),
        ("/v1/chat/completions", "Choose Anthropic for the client's provider or API"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "That is the API of Gemini"),
        ("/api/chat", "That is the API of Ollama"),
        ("/v1/messages/batches", "Switch off in the client what needs it."),
        ("/", "set it to the address of this gateway with /v1/messages behind it."),
    ],
)
def test_a_wrong_path_says_what_to_change(
    path: str, advice: str, port: int, body: dict[str, Any], key: tuple[str, str]
) -> None:
    (answer,) = talk(port, request(body, ("Host", "x"), key, CLOSE, start=f"POST {path} HTTP/1.1"))
    assert advice in answer.error(404, "not_found_error")


def test_head_is_get_without_the_body(gateway: Gateway, key: tuple[str, str]) -> None:
    start = "HEAD /v1/models HTTP/1.1"
    received = b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(request(None, ("Host", "x"), key, CLOSE, start=start))
        while data := connection.recv(65536):
            received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert rest == b""


# --- what is no request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT gateway:443 HTTP/1.1\r\nHost: gateway:443\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    ],
)
def test_what_is_no_http_request_is_refused_in_json(sent: bytes, port: int) -> None:
    (answer,) = talk(port, sent)
    answer.error(400, "invalid_request_error")
    assert answer.headers["connection"] == "close"


def test_what_follows_a_request_never_damages_its_answer(
    gateway: Gateway, upstream: Upstream, standing: Standing, key: tuple[str, str]
) -> None:
    reply = Reply([speak.opening("anthropic", "first"), gate := Gate(), speak.closing("anthropic")])
    script = upstream.script(reply)
    asked = message(standing.routes["anthropic"].name, script.prompt)

    def go_on() -> None:
        script.wait()
        # Many times as long as the rest takes to be sent.
        time.sleep(2)
        gate.open()

    opener = threading.Thread(target=go_on)
    opener.start()
    (answer,) = talk(gateway.port, request(asked, ("Host", "x"), key), b"GARBAGE\r\n\r\n", b"MORE\r\n\r\n", pause=0.1)
    opener.join()
    assert answer.stream().text == "first"


def test_pipelined_requests_are_answered_in_turn(port: int, body: dict[str, Any], key: tuple[str, str]) -> None:
    lines = (("Host", "x"), key)
    assert_done(*talk(port, request(body, *lines) + request(body, *lines) + request(body, *lines, CLOSE)))
