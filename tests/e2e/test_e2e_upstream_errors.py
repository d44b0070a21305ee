"""An upstream that refuses or cannot be reached: the caller gets a real status in Claude's shape, and a sentence."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway, free_port
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Step, Wait
from tests.harness.upstream import Upstream

TABLE = {
    400: (400, "invalid_request_error"),
    401: (502, "api_error"),
    402: (502, "api_error"),
    403: (502, "api_error"),
    404: (404, "not_found_error"),
    408: (502, "api_error"),
    409: (409, "conflict_error"),
    413: (413, "request_too_large"),
    422: (400, "invalid_request_error"),
    429: (429, "rate_limit_error"),
    500: (500, "api_error"),
    502: (502, "api_error"),
    503: (503, "api_error"),
    529: (529, "overloaded_error"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_refusal_has_its_status_and_type(
    dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route, provider = standing.routes[dialect].name, standing.models[dialect].provider.name
    refusals = {status: speak.refusal(dialect, status, f"The words of {status}.") for status in TABLE}
    answers = _asked(client, upstream, route, refusals)
    for status, answer in answers:
        text = answer.error(*TABLE[status])
        row = orm.request(answer.request_id)
        (attempt,) = orm.attempts(row)
        assert (row.outcome, row.http_status, row.error_type) == ("failed", *TABLE[status]), status
        assert (attempt.outcome, attempt.http_status) == ("failed", status)
        assert attempt.error_type, status
        assert (row.input_tokens, row.output_tokens, row.cost, row.time_to_first_token_ms) == (None,) * 4, status
        if status in {401, 402, 403}:
            # The provider's quarrel is with the gateway's credential, not with the caller's key.
            assert provider in text, status
            assert "administrator" in text, status
            assert answer.headers["x-should-retry"] == "false", status
        else:
            assert text == f"The words of {status}."


def _asked(client: Client, upstream: Upstream, route: str, replies: dict[Any, Reply]) -> list[tuple[Any, Answer]]:
    """Ask for each reply, streamed and not, before any row is looked for: rows come a moment after the answers."""
    answers = []
    for name, reply in replies.items():
        script = upstream.script(reply)
        answers += [(name, client.post(message(route, script.prompt, stream=stream))) for stream in (True, False)]
        # A request that dies on a reused connection before any byte came is sent again.
        assert len(script.seen) >= 2, name
    return answers


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sent", "expected"), [("3", 3), ("300", 60), ("1.2", 2), ("0", 1), ("soon", None)])
def test_retry_after_is_a_whole_number_up_to_60(
    sent: str, expected: int | None, dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    for status in (429, 503, 529):
        script = upstream.script(speak.refusal(dialect, status, "Slow down.", headers={"retry-after": sent}))
        answer = client.post(message(standing.routes[dialect].name, script.prompt))
        answer.error(*TABLE[status])
        assert answer.headers.get("retry-after") == (None if expected is None else str(expected))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_context_overflow_has_the_words_that_clients_act_on(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.overflow(dialect))
    answer = client.post(message(standing.routes[dialect].name, script.prompt))
    text = answer.error(400, "invalid_request_error")
    # Where the provider tells the numbers, they stand there as Claude would tell them.
    assert text.startswith("prompt is too long: ")
    if "128000" in speak.overflow_words(dialect):
        assert text == "prompt is too long: 130001 tokens > 128000 maximum"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_prompt_that_is_refused_for_its_content_blames_no_credential(
    dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    words = "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"
    script = upstream.script(speak.refusal(dialect, 403, words))
    route = standing.routes[dialect].name
    answers = [client.post(message(route, script.prompt, stream=stream)) for stream in (True, False, True)]
    for answer in answers:
        assert answer.error(400, "invalid_request_error") == words
        assert "x-should-retry" not in answer.headers
    # Neither the credential nor the candidate cools down: each request reached the provider.
    assert len(script.seen) == 3
    (attempt,) = orm.attempts(orm.request(answers[0].request_id))
    assert (attempt.error_type, attempt.http_status) == ("invalid_request", 403)


NONSENSE = {
    "html-502": Reply([b"<html><h1>502 Bad Gateway</h1></html>"], status=502, headers={"content-type": "text/html"}),
    "html-200": Reply([b"<html>Please log in</html>"], status=200, headers={"content-type": "text/html"}),
    "redirect": Reply(status=302, headers={"location": "https://example.com/login", "content-length": "0"}),
    "no-content": Reply(status=204, headers={"content-length": "0"}),
    "garbage": Reply([b"\x00\xff garbage \n\n data: {"], status=200),
    "not-http": Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n"),
    "bad-http": Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"),
    "cut-at-once": Reply(before=[CUT]),
    "cut-after-head": Reply([CUT]),
    "empty": Reply([]),
    "done-only": Reply([b"data: [DONE]\n\n"]),
    "comment-only": Reply([b": nothing but a comment\n\n"]),
    "error-in-200": Reply(
        [b'{"error": {"message": "insufficient", "code": "x"}}'], headers={"content-type": "application/json"}
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nonsense_from_upstream_is_a_502_and_never_an_empty_success(
    dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    for name, answer in _asked(client, upstream, standing.routes[dialect].name, NONSENSE):
        assert answer.status == 502, name
        answer.error(502, "api_error")
        assert orm.request(answer.request_id).outcome == "failed", name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_compression_that_nobody_asked_for_is_named(
    dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route = standing.routes[dialect].name
    packed = Reply([b"\x28\xb5\x2f\xfd\x04\x00 not for us"], headers={"content-encoding": "zstd"})
    answer = client.post(message(route, upstream.script(packed).prompt))
    assert "compressed its answer with zstd" in answer.error(502, "api_error")
    assert "with zstd" in str(orm.request(answer.request_id).error_message)
    # An error keeps what its status says.
    busy = Reply([b"\x8b\x00\x80"], status=429, headers={"content-encoding": "gzip, br", "retry-after": "7"})
    answer = client.post(message(route, upstream.script(busy).prompt))
    assert "compressed its answer with br" in answer.error(429, "rate_limit_error")
    assert answer.headers["retry-after"] == "7"


@contextlib.contextmanager
def _port_that_never_accepts() -> Iterator[int]:
    """A listening socket whose queue is full: the kernel drops every further SYN."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("base_url", "status", "kind", "cause"),
    [
        ("http://127.0.0.1:CLOSED/v1", 502, "api_error", "connect"),
        ("http://no-such-host.invalid/v1", 502, "api_error", "connect"),
        ("https://127.0.0.1:UPSTREAM/v1", 502, "api_error", "connect"),
        ("http://127.0.0.1:FULL/v1", 504, "timeout_error", "connect_timeout"),
    ],
    ids=["refused", "no-such-host", "no-tls", "connect-timeout"],
)
def test_an_unreachable_provider_differs_from_a_slow_one(
    base_url: str, status: int, kind: str, cause: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    with _port_that_never_accepts() as full:
        ports = {"CLOSED": str(free_port()), "UPSTREAM": upstream.base_url.rpartition(":")[2], "FULL": str(full)}
        for word, port in ports.items():
            base_url = base_url.replace(word, port)
        provider = make_provider("openai_chat", base_url, connect_timeout=1 if cause == "connect_timeout" else 10)
        route = make_route([make_model(provider)])
        gateway.wait_snapshot()
        answer = client.post(message(route.name))
    assert provider.name in answer.error(status, kind)
    row = orm.request(answer.request_id)
    (attempt,) = orm.attempts(row)
    assert (row.error_type, attempt.error_type, attempt.http_status) == (kind, cause, None)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(before=[HANG]), "first_event_timeout"),
        (Reply([HANG]), "first_event_timeout"),
        (
            Reply([b": keep-alive\n\n", Wait(0.2), b": keep-alive\n\n", Wait(0.2), b": x\n\n", HANG]),
            "first_event_timeout",
        ),
    ],
    ids=["no-head", "head-only", "comments-only"],
)
@pytest.mark.parametrize("route", ["begins", "begins_claude"])
def test_a_provider_that_does_not_begin_is_504(
    reply: Reply, cause: str, route: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(reply)
    began = time.monotonic()
    answer = client.post(message(standing.routes[route].name, script.prompt))
    answer.error(504, "timeout_error")
    assert time.monotonic() - began >= 0.4
    assert script.wait_closed() > began
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.error_type == cause


@pytest.mark.parametrize("route", ["goes_on", "goes_on_claude"])
def test_silence_in_the_middle_ends_the_stream_with_an_error_though_comments_come(
    route: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    dialect = standing.models[route].provider.dialect
    comments = [part for _ in range(20) for part in (b": still here\n\n", Wait(0.1))]
    script = upstream.script(Reply([speak.opening(dialect, "Once upon"), *comments, HANG]))
    began = time.monotonic()
    answer = client.post(message(standing.routes[route].name, script.prompt))
    stream, error = answer.broken_stream()
    assert time.monotonic() - began >= 0.4
    assert stream.text == "Once upon"
    assert error["type"] == "timeout_error"
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.error_type == "idle_timeout"


def test_an_answer_that_never_ends_meets_the_total_limit(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    part: list[Step] = [speak.chat_text("and on "), Wait(0.1)]
    script = upstream.script(Reply([speak.opening("openai_chat", "On "), *(part * 100)]))
    began = time.monotonic()
    answer = client.post(message(standing.routes["ends"].name, script.prompt))
    _, error = answer.broken_stream()
    assert time.monotonic() - began >= 1
    assert error["type"] == "timeout_error"
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.error_type == "total_timeout"
