"""POST /v1/messages/count_tokens: who counts, what a failing provider makes of it, and what the answer says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Script
from tests.harness.upstream import Upstream

JSON = {"content-type": "application/json"}
PATH = "/v1/messages/count_tokens?beta=true"


def count(client: Client, route: str, script: Script, **fields: Any) -> Answer:
    """Ask for the count of a prompt of eight words."""
    body = {"model": route, "messages": [{"role": "user", "content": script.prompt}], **fields}
    return client.post(body, path=PATH)


def test_a_provider_that_counts_is_asked(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"input_tokens": 4242, "more": {"kept": true}}'], headers=JSON))
    answer = count(client, standing.routes["anthropic"].name, script)
    assert answer.headers["x-gateway-count"] == "provider"
    assert answer.json == {"input_tokens": 4242, "more": {"kept": True}}
    assert script.seen[0].path == "/anthropic/v1/messages/count_tokens"
    assert script.seen[0].body["model"] == standing.models["anthropic"].name


def test_others_are_counted_here(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.chat_answer())
    route = standing.routes["openai_chat"].name
    answer = count(client, route, script)
    assert answer.headers["x-gateway-count"] == "local"
    assert 12 <= answer.json["input_tokens"] <= 30
    assert set(answer.json) == {"input_tokens"}
    longer = count(client, route, script, system="You are a scientist. " * 1000).json["input_tokens"]
    assert 4000 <= longer <= 6100
    assert not script.seen


@pytest.mark.parametrize(
    "reply",
    [
        speak.refusal("anthropic", 404, "no such endpoint"),
        speak.refusal("anthropic", 401, "invalid x-api-key"),
        speak.refusal("anthropic", 403, "not for you"),
        speak.refusal("anthropic", 402, "pay first"),
        speak.refusal("anthropic", 429, "slow down"),
        speak.refusal("anthropic", 500, "oh no"),
        speak.refusal("anthropic", 529, "Overloaded"),
        Reply([b"<html>404 page not found</html>"], status=404, headers={"content-type": "text/html"}),
        Reply([b"<html>welcome</html>"], headers={"content-type": "text/html"}),
        Reply([b'{"tokens": 7}'], headers=JSON),
        *(
            Reply([b'{"input_tokens": %s}' % wrong], headers=JSON)
            for wrong in (
                b'"7"',
                b"0",
                b"-7",
                b"true",
                b"7.5",
                b"null",
                b"[7]",
                b"1e308",
                b"20000001",
                b"1" * 27,
                b"NaN",
            )
        ),
        Reply([CUT]),
        Reply(raw=b"nonsense\r\n\r\n"),
        Reply([b'{"input_tokens": 7}'], headers=JSON, before=[HANG]),
    ],
)
def test_a_provider_that_cannot_answer_makes_it_an_estimate(
    reply: Reply, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(reply)
    # Of one that is late nothing more is expected; the others may take their time on a busy machine.
    late = bool(reply.before)
    answer = count(client, standing.routes["begins_claude" if late else "anthropic"].name, script)
    assert answer.status == 200
    assert answer.headers["x-gateway-count"] == "local"
    assert 12 <= answer.json["input_tokens"] <= 30


@pytest.mark.parametrize("wrong", [b"0", b"-7", b"true", b"7.5", b"1e308", b"20000001", b"1" * 27, b'"7"'])
def test_geminis_count_is_believed_as_little(
    wrong: bytes, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply([b'{"totalTokens": %s}' % wrong], headers=JSON))
    answer = count(client, standing.routes["gemini"].name, script)
    assert answer.headers["x-gateway-count"] == "local"
    assert 12 <= answer.json["input_tokens"] <= 30


def test_a_providers_rejection_of_the_request_is_passed_on(
    client: Client, standing: Standing, upstream: Upstream
) -> None:
    for status, kind in ((400, "invalid_request_error"), (413, "request_too_large")):
        script = upstream.script(speak.refusal("anthropic", status, "messages.0: no"))
        answer = count(client, standing.routes["anthropic"].name, script)
        assert answer.error(status, kind) == "messages.0: no"


def test_an_unreachable_provider_too(client: Client, standing: Standing, orm: Rows, gateway: Any) -> None:
    from tests.harness.configure import make_model, make_provider, make_route
    from tests.harness.gateway import free_port

    route = make_route([make_model(make_provider("anthropic", f"http://127.0.0.1:{free_port()}"))])
    gateway.wait_snapshot()
    body = {"model": route.name, "messages": [{"role": "user", "content": "Hello, Claude"}]}
    answer = client.post(body, path=PATH)
    assert (answer.json, answer.headers["x-gateway-count"]) == ({"input_tokens": 10}, "local")


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_context_management_is_answered(dialect: str, client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"input_tokens": 33}'], headers=JSON))
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    answer = count(client, standing.routes[dialect].name, script, context_management=edits).json
    assert answer["context_management"] == {"original_input_tokens": answer["input_tokens"]}


def test_a_providers_own_context_management_stays(client: Client, standing: Standing, upstream: Upstream) -> None:
    counted = {"input_tokens": 33, "context_management": {"original_input_tokens": 99}}
    script = upstream.script(Reply([json.dumps(counted).encode()], headers=JSON))
    answer = count(client, standing.routes["anthropic"].name, script, context_management={"edits": [{"type": "x"}]})
    assert answer.json == counted


def test_other_figures_that_are_no_counts_are_left_out(client: Client, standing: Standing, upstream: Upstream) -> None:
    counted = b'{"input_tokens": 33, "context_management": {"original_input_tokens": -1}, "cache_read_tokens": 1e308}'
    script = upstream.script(Reply([counted], headers=JSON))
    answer = count(client, standing.routes["anthropic"].name, script, context_management={"edits": [{"type": "x"}]})
    assert answer.json == {"input_tokens": 33, "context_management": {"original_input_tokens": 33}}


def test_the_message_start_of_a_session_has_the_ratio_of_its_last_request(
    client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(
        speak.chat_reply(speak.chat_chunk({"role": "assistant"}), speak.chat_text("Hi"), speak.chat_end(prompt=5000))
    )
    route, words = standing.routes["openai_chat"].name, "word " * 2000
    seeds = []
    for session in ("taught-1", "taught-1", "taught-2"):
        answer = client.post(
            message(route, f"{script.prompt} {words}"), headers={"x-claude-code-session-id": f"estimate-{session}"}
        )
        seeds.append(answer.stream().events[0]["message"]["usage"]["input_tokens"])
    assert 2400 <= seeds[0] <= 2600
    assert 4950 <= seeds[1] <= 5050
    assert seeds[2] == seeds[0]
