"""The next candidate answers for one that failed before its first content; after it the stream ends with an error."""

from __future__ import annotations

import time

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Step
from tests.harness.upstream import Upstream

_HUNG_UP = 0.2
"""Seconds until a server has surely closed the connection of its last answer."""
EMPTY_START = speak.chat_chunk({"role": "assistant", "content": ""})

BEFORE_CONTENT = {
    "http-500": speak.refusal("openai_chat", 500, "broken"),
    "http-529": speak.refusal("openai_chat", 529, "busy"),
    "http-429": speak.refusal("openai_chat", 429, "slow down"),
    "http-401": speak.refusal("openai_chat", 401, "who are you"),
    "http-404": speak.refusal("openai_chat", 404, "no such model"),
    "error-event": Reply([speak.error_in_stream("openai_chat", "broken")]),
    "error-after-start": Reply([EMPTY_START, speak.error_in_stream("openai_chat", "broken")]),
    "empty": Reply([]),
    "start-then-end": Reply([EMPTY_START]),
    "cut": Reply([EMPTY_START, CUT]),
    "cut-before-head": Reply(before=[CUT]),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("failure", BEFORE_CONTENT)
def test_a_failure_before_content_moves_on_unseen(
    failure: str, stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(first=[BEFORE_CONTENT[failure]], second=[speak.chat_answer("from the second")])
    answer = client.post(message(standing.routes["chain"].name, script.prompt, stream=stream))
    text = answer.stream().text if stream else answer.json["content"][0]["text"]
    assert text == "from the second"
    # A request that dies on a reused connection before any byte came is sent again, so the first may be asked twice.
    assert list(dict.fromkeys(seen.path.split("/")[1] for seen in script.seen)) == ["first", "second"]
    assert script.seen[-1].body["model"] == standing.models["second"].name
    row = orm.request(answer.request_id)
    attempts = orm.attempts(row)
    assert (row.outcome, row.model_name, row.attempts) == ("completed", standing.models["second"].name, 2)
    assert [(a.number, a.outcome, a.model_name) for a in attempts] == [
        (1, "failed", standing.models["first"].name),
        (2, "completed", standing.models["second"].name),
    ]
    assert attempts[0].error_type
    assert attempts[0].input_tokens is None
    assert (attempts[1].input_tokens, attempts[1].output_tokens) == (20, 7)


@pytest.mark.parametrize("route", ["from_claude", "to_claude"])
def test_the_request_is_translated_anew_for_a_candidate_of_another_dialect(
    route: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    first, second = ("third", "first") if route == "from_claude" else ("first", "third")
    dialects = {"first": "openai_chat", "third": "anthropic"}
    script = upstream.script(
        **{
            first: [Reply([speak.error_in_stream(dialects[first], "overloaded")])],
            second: [speak.answer(dialects[second], "translated")],
        }
    )
    body = message(standing.routes[route].name, script.prompt, system="Be kind.", stop_sequences=["END"])
    assert client.post(body).stream().text == "translated"
    claude = next(seen for seen in script.seen if seen.path.startswith("/third"))
    chat = next(seen for seen in script.seen if seen.path.startswith("/first"))
    assert claude.body["system"] == "Be kind."
    assert chat.body["messages"][0] == {"role": "system", "content": "Be kind."}


def test_a_request_that_is_wrong_in_itself_is_not_tried_again(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(
        first=[speak.refusal("openai_chat", 400, "Unsupported value.")], second=[speak.chat_answer()]
    )
    answer = client.post(message(standing.routes["chain"].name, script.prompt))
    assert answer.error(400, "invalid_request_error") == "Unsupported value."
    assert len(script.seen) == 1
    assert orm.request(answer.request_id).attempts == 1


def test_when_every_candidate_fails_the_last_one_has_the_word(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(
        first=[speak.refusal("openai_chat", 500, "first is broken")],
        second=[speak.refusal("openai_chat", 429, "second is busy", headers={"retry-after": "7"})],
    )
    answer = client.post(message(standing.routes["chain"].name, script.prompt))
    assert answer.error(429, "rate_limit_error") == "second is busy"
    assert answer.headers["retry-after"] == "7"
    row = orm.request(answer.request_id)
    assert [attempt.http_status for attempt in orm.attempts(row)] == [500, 429]
    assert (row.outcome, row.http_status) == ("failed", 429)


def test_a_slow_first_candidate_gives_way_to_the_second(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(begins=[Reply([HANG])], second=[speak.chat_answer("quicker")])
    assert client.post(message(standing.routes["begins_chain"].name, script.prompt)).stream().text == "quicker"


AFTER_CONTENT: dict[str, list[Step]] = {
    "error-event": [],
    "end-of-body": [],
    "cut": [CUT],
}


@pytest.mark.parametrize("route", ["chain", "from_claude"])
@pytest.mark.parametrize("failure", AFTER_CONTENT)
def test_a_failure_after_content_is_an_error_event_and_no_second_try(
    failure: str, route: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    name, dialect = ("first", "openai_chat") if route == "chain" else ("third", "anthropic")
    steps: list[Step] = [speak.opening(dialect, "Half an "), *AFTER_CONTENT[failure]]
    if failure == "error-event":
        steps.append(speak.error_in_stream(dialect, "the model fell over"))
    script = upstream.script(**{name: [Reply(steps)]})
    answer = client.post(message(standing.routes[route].name, script.prompt))
    stream, error = answer.broken_stream()
    assert stream.text == "Half an "
    assert stream.stop_reason is None
    if failure == "error-event":
        assert error["message"] == "the model fell over"
    assert answer.request_id.encode() in answer.raw.rpartition(b"event: error")[2]
    assert len(script.seen) == 1
    row = orm.request(answer.request_id)
    assert (row.outcome, row.http_status, row.stop_reason) == ("failed", 200, "")
    assert row.error_type == error["type"]
    assert row.time_to_first_token_ms is not None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "end-of-body"])
def test_without_streaming_half_an_answer_is_never_passed_off_as_whole(
    cut: bool, dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply([speak.opening(dialect, "Half an "), *([CUT] if cut else [])]))
    answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=False))
    answer.error(502, "api_error")
    assert b"Half an" not in answer.raw


def test_a_dropped_keep_alive_connection_costs_no_request(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    body = b"".join(step for step in speak.chat_answer("kept alive").steps if isinstance(step, bytes))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body)
    # It says nothing of it, and hangs up after its answer.
    leaving = upstream.script(Reply(raw=head + body))
    assert client.post(message(standing.routes["openai_chat"].name, leaving.prompt)).stream().text == "kept alive"
    time.sleep(_HUNG_UP)
    script = upstream.script(speak.chat_answer("on another one"))
    answer = client.post(message(standing.routes["openai_chat"].name, script.prompt))
    assert answer.stream().text == "on another one"
    assert orm.request(answer.request_id).attempts == 1
    assert script.seen[0].connection != leaving.seen[0].connection


def test_connections_are_used_again(client: Client, orm: Rows, gateway: Gateway, upstream: Upstream) -> None:
    # A provider of its own: of several idle connections the oldest is taken.
    route = make_route([make_model(make_provider("anthropic", upstream.base_url))])
    gateway.wait_snapshot()
    scripts = [upstream.script(speak.claude_answer(str(n))) for n in range(4)]
    for script in scripts:
        answer = client.post(message(route.name, script.prompt))
        assert answer.stream().complete
        # The connection is free a moment after the answer's end.
        assert orm.request(answer.request_id).attempts == 1
    assert len({script.seen[0].connection for script in scripts}) == 1
