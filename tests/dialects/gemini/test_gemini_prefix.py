"""Three turns of an agent's conversation: each request begins with the bytes of the one before."""

from __future__ import annotations

import copy

import pytest

from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.three_turns import FIRST, SECOND, THIRD
from tests.claude.three_turns import request as agent_request
from tests.claude.wire import make_call, sent

MODELS = ["gemini-3.8-flash", "gemini-2.5-pro", "gemma-3-27b-it"]


def upstream_bytes(body: Json, model: str) -> bytes:
    """What goes out, without the brackets that close the last content and the list of contents."""
    request = sent(make_call("gemini", body, model=model, max_output=32000, input_estimate=20000))
    assert request.body.endswith(b"]}]}")
    return request.body[:-4]


@pytest.mark.parametrize("model", MODELS)
def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter(model: str) -> None:
    first, second, third = (upstream_bytes(body, model) for body in (FIRST, SECOND, THIRD))
    assert second.startswith(first)
    assert third.startswith(second)


def test_so_it_does_with_thinking_of_its_own() -> None:
    asked = user("Run the tests.")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    called = assistant(thought, text("I run them."), use("1", "Bash", command="make test"))
    first = agent_request("d01", asked)
    second = agent_request("e02", asked, called, user(result("1", "1 failed")))
    assert upstream_bytes(second, MODELS[0]).startswith(upstream_bytes(first, MODELS[0]))


def test_nothing_of_claude_alone_is_sent_and_the_request_is_left_as_it_was() -> None:
    body = copy.deepcopy(THIRD)
    bodies = upstream_bytes(body, MODELS[0])
    assert body == THIRD
    for word in (
        b"billing",
        b"clear_thinking",
        b"cache_control",
        b"DeferredTool",
        b"adaptive",
        b"$schema",
        b"00000000",
    ):
        assert word not in bodies
