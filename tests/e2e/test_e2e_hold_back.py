"""A slow upstream: after the hold-back a message_start and pings of ours go out, and everything is still possible."""

from __future__ import annotations

import json
import threading
import time

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_late_upstream_start_is_folded_into_ours(
    dialect: str, hasty_client: Client, standing: Standing, upstream: Upstream
) -> None:
    gate = Gate()
    script = upstream.script(Reply(before=[gate], steps=speak.answer(dialect, "At last").steps))
    began = time.monotonic()
    with hasty_client.reading(message(standing.routes[dialect].name, script.prompt)) as reading:
        assert time.monotonic() - began > 0.4
        assert reading.status == 200
        reading.until(lambda raw: raw.count(b"event: ping") >= 2)
        gate.open()
        answer = reading.finish()
    stream = answer.stream()
    assert stream.text == "At last"
    assert answer.raw.count(b"event: message_start") == 1
    # Its counts are kept though its id is not.
    assert b"msg_up" not in answer.raw
    fresh, cached, output = speak.counts(dialect)
    assert stream.usage["input_tokens"] == fresh
    assert stream.usage.get("cache_read_input_tokens") == (0 if cached is None else cached)
    assert stream.usage["output_tokens"] == output


def test_fallback_is_possible_after_the_hold_back(
    hasty_client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    gate = Gate()
    late = speak.refusal("openai_chat", 500, "late and broken")
    late.before = [gate]
    script = upstream.script(first=[late], second=[speak.chat_answer("from the second")])
    with hasty_client.reading(message(standing.routes["chain"].name, script.prompt)) as reading:
        reading.until(b"event: ping")
        gate.open()
        answer = reading.finish()
    assert answer.stream().text == "from the second"
    assert orm.request(answer.request_id).attempts == 2


def test_a_failure_after_the_hold_back_is_an_error_event(
    hasty_client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    gate = Gate()
    late = speak.refusal("anthropic", 529, "late and busy")
    late.before = [gate]
    script = upstream.script(late)
    with hasty_client.reading(message(standing.routes["anthropic"].name, script.prompt)) as reading:
        reading.until(b"event: ping")
        gate.open()
        answer = reading.finish()
    _, error = answer.broken_stream()
    assert (error["type"], error["message"]) == ("overloaded_error", "late and busy")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.http_status, row.error_type) == ("failed", 200, "overloaded_error")


def test_without_streaming_nothing_is_sent_before_the_answer(
    hasty_client: Client, standing: Standing, upstream: Upstream
) -> None:
    late = speak.refusal("openai_chat", 429, "late")
    late.before = [gate := Gate()]
    script = upstream.script(late)
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=False)
    opener = _open_later(gate, 0.9)
    hasty_client.post(body).error(429, "rate_limit_error")
    opener.join()


def test_an_upstream_that_says_nothing_of_use_is_silent_too(
    hasty_client: Client, standing: Standing, upstream: Upstream
) -> None:
    """Claude's own pings and message_start are no content; what follows them may still come from elsewhere."""
    gate = Gate()
    script = upstream.script(
        third=[Reply([speak.claude_start(), gate, speak.error_in_stream("anthropic", "busy")])],
        first=[speak.chat_answer("from elsewhere")],
    )
    with hasty_client.reading(message(standing.routes["from_claude"].name, script.prompt)) as reading:
        reading.until(b"event: ping")
        gate.open()
        answer = reading.finish()
    assert answer.stream().text == "from elsewhere"


@pytest.mark.parametrize(
    ("dialect", "kind", "begin", "end"),
    [
        ("openai_chat", "text_delta", speak.opening("openai_chat", "Hm"), speak.chat_end()),
        (
            "openai_chat",
            "thinking_delta",
            speak.chat_thinking("Hm"),
            speak.chat_text("So") + speak.chat_end(),
        ),
        (
            "openai_chat",
            "input_json_delta",
            speak.chat_tool(0, '{"a":', id="call_1", name="f"),
            speak.chat_tool(0, " 1}") + speak.chat_end("tool_calls"),
        ),
        ("anthropic", "text_delta", speak.opening("anthropic", "Hm"), speak.closing("anthropic")),
        (
            "anthropic",
            "thinking_delta",
            speak.claude_start()
            + speak.claude_event(
                "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
            )
            + speak.claude_event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}),
            speak.claude_event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"})
            + speak.claude_event("content_block_stop", index=0)
            + speak.claude_text(1, "So")
            + speak.claude_end(),
        ),
    ],
)
def test_an_open_block_gets_real_but_empty_deltas(
    dialect: str, kind: str, begin: bytes, end: bytes, hasty_client: Client, standing: Standing, upstream: Upstream
) -> None:
    gate = Gate()
    script = upstream.script(Reply([begin, gate, end]))
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    body = message(standing.routes[dialect].name, script.prompt, tools=tools)
    with hasty_client.reading(body) as reading:
        reading.until(lambda raw: len(_empty_deltas(raw, kind)) >= 2)
        gate.open()
        answer = reading.finish()
    stream = answer.stream()
    assert b"event: ping" in answer.raw
    assert (stream.text, stream.thinking) != ("", "") or stream.tool_calls[0].input == {"a": 1}


def _empty_deltas(raw: bytearray, kind: str) -> list[object]:
    events = [json.loads(part.partition(b"data: ")[2]) for part in raw.split(b"\n\n")[:-1]]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return [delta for delta in deltas if delta["type"] == kind and "" in delta.values()]


def _open_later(gate: Gate, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, gate.open)
    timer.start()
    return timer
