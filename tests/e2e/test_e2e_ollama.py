"""An Ollama server behind the gateway: lines in, Claude's stream out, and refusals in Claude's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.fidelity import Fidelity
from routing.models import Route
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream

NDJSON = {"content-type": "application/x-ndjson"}


def line(*, done: bool = False, **fields: Any) -> bytes:
    """One line of an answer; what is no field of the line goes into its message."""
    own = {key: fields.pop(key) for key in ("done_reason", "prompt_eval_count", "eval_count") if key in fields}
    return json.dumps({"model": "m", "message": {"role": "assistant", **fields}, "done": done, **own}).encode() + b"\n"


END = line(done=True, content="", done_reason="stop", prompt_eval_count=20, eval_count=7)


@pytest.fixture
def route(orm: Rows, gateway: Gateway, upstream: Upstream) -> Route:
    """A route to a model that thinks and sees, with a window."""
    provider = make_provider("ollama", f"{upstream.base_url}/ollama", secret="")
    made = make_route([make_model(provider, context_window=32768, capabilities=["thinking", "tools", "images"])])
    gateway.wait_snapshot()
    return made


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_with_thinking_text_and_a_tool(
    stream: bool, route: Route, client: Client, upstream: Upstream, orm: Rows
) -> None:
    call = {"function": {"name": "Read", "arguments": {"file_path": "a.py"}}}
    steps = [
        line(content="", thinking="Hm."),
        line(content="I read "),
        line(content="it."),
        line(tool_calls=[call]),
        END,
    ]
    script = upstream.script(Reply(steps, headers=NDJSON))
    answer = client.post(message(route.name, script.prompt, stream=stream, thinking={"type": "adaptive"}))
    if stream:
        assert (answer.stream().thinking, answer.stream().text) == ("Hm.", "I read it.")
        assert [(tool.name, tool.input) for tool in answer.stream().tool_calls] == [("Read", {"file_path": "a.py"})]
    else:
        thought, text, called = answer.json["content"]
        assert (thought["thinking"], text["text"], called["input"]) == ("Hm.", "I read it.", {"file_path": "a.py"})
        assert answer.json["stop_reason"] == "tool_use"
    sent = script.seen[0]
    assert sent.path == "/ollama/api/chat"
    assert (sent.body["think"], sent.body["options"]["num_ctx"], sent.body["stream"]) == (True, 32768, True)
    row = orm.request(answer.request_id)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("completed", 20, 7)


def test_an_overflow_has_the_words_of_claude(route: Route, client: Client, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"error":"the input length exceeds the context length"}'], 400, NDJSON))
    error = client.post(message(route.name, script.prompt)).error(400, "invalid_request_error")
    assert error.startswith("prompt is too long")


def test_an_error_inside_an_answer_ends_the_stream_with_an_error(
    route: Route, client: Client, upstream: Upstream
) -> None:
    script = upstream.script(Reply([line(content="Hel"), b'{"error":"unexpected EOF"}\n'], headers=NDJSON))
    parsed, error = client.post(message(route.name, script.prompt)).broken_stream()
    assert parsed.text == "Hel"
    assert error["message"] == "unexpected EOF"


def test_an_image_by_a_private_address_is_refused_and_nobody_is_called(
    route: Route, client: Client, upstream: Upstream
) -> None:
    script = upstream.script(Reply([line(content="never"), END], headers=NDJSON))
    source = {"type": "url", "url": f"{upstream.base_url}/{script.mark}"}
    content = [{"type": "text", "text": script.prompt}, {"type": "image", "source": source}]
    answer = client.post(message(route.name, "") | {"messages": [{"role": "user", "content": content}]})
    error = answer.error(400, "invalid_request_error")
    assert error.startswith("messages.0.content.1: the image could not be fetched: its address is private.")
    assert script.seen == []


def test_what_was_lost_stands_on_the_answer(route: Route, client: Client, upstream: Upstream) -> None:
    script = upstream.script(Reply([line(content="Yes."), END], headers=NDJSON))
    tool = {"name": "Read", "input_schema": {"type": "object"}}
    answer = client.post(message(route.name, script.prompt, tools=[tool], tool_choice={"type": "any"}))
    assert answer.headers["x-gateway-fidelity"] == Fidelity.TOOL_CHOICE_WORDED
