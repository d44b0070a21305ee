"""A call id that a provider repeats in the next turn is another one for the client, and the provider's own on its way
back. No history with two equal ids goes out.
"""

from __future__ import annotations

import copy
import json
import re
import weakref
from typing import Any

import pytest

from providers.claude.signatures import origin_of
from providers.dialects import DIALECTS as WIRE_DIALECTS
from providers.dialects.contract import Call
from providers.events import NativeBlockStarted, ToolCallStarted
from providers.fidelity import Fidelity
from tests.claude.wire import TYPES, decode, make_call, sent_body
from tests.harness.speakers.anthropic import claude_end, claude_start, claude_tool

Json = dict[str, Any]
TOOL = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
DIALECTS = ("openai_chat", "openai_responses", "gemini", "ollama", "anthropic")
MODELS = {"gemini": "gemini-3-pro", "anthropic": "kimi-k2"}
_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]{1,256}")


def history(*turns: str | list[str], **fields: Any) -> Json:
    """A conversation with a turn of calls for each argument: the ids of its calls."""
    messages: list[Json] = [{"role": "user", "content": "Read."}]
    for ids in turns:
        ids = [ids] if isinstance(ids, str) else ids
        calls = [{"type": "tool_use", "id": one, "name": "Read", "input": {}} for one in ids]
        numbered = enumerate(ids, len(messages))
        results = [{"type": "tool_result", "tool_use_id": one, "content": f"result {n}"} for n, one in numbered]
        messages += [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    return {"max_tokens": 100, "tools": [TOOL], "messages": messages, **fields}


def call_of(dialect: str, body: Json, **options: Any) -> Call:
    return make_call(dialect, body, **{"model": MODELS.get(dialect, "a-model"), **options})


def answer(dialect: str, *ids: str) -> tuple[bytes, str]:
    """A provider's answer with a call of Read for each id, and its content type."""
    match dialect:
        case "openai_chat":
            function = {"name": "Read", "arguments": "{}"}
            calls = [{"index": n, "id": one, "type": "function", "function": function} for n, one in enumerate(ids)]
            choice = {"index": 0, "delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": "tool_calls"}
            return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\ndata: [DONE]\n\n".encode(), TYPES["sse"]
        case "openai_responses":
            items = [
                {"type": "function_call", "id": f"fc_{n}", "call_id": one, "name": "Read", "arguments": "{}"}
                for n, one in enumerate(ids)
            ]
            whole = {"object": "response", "id": "resp_1", "status": "completed", "output": items}
            return json.dumps(whole).encode(), TYPES["json"]
        case "gemini":
            parts = [{"functionCall": {"id": one, "name": "Read", "args": {}}} for one in ids]
            candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
            return f"data: {json.dumps({'candidates': [candidate]})}\n\n".encode(), TYPES["sse"]
        case "ollama":
            made = [{"id": one, "function": {"name": "Read", "arguments": {}}} for one in ids]
            line = {"model": "up", "message": {"role": "assistant", "content": "", "tool_calls": made}, "done": True}
            return json.dumps({**line, "done_reason": "stop"}).encode() + b"\n", TYPES["ndjson"]
    blocks = b"".join(claude_tool(n, one, "Read", "{}") for n, one in enumerate(ids))
    return claude_start() + blocks + claude_end("tool_use"), TYPES["sse"]


def client_ids(call: Call, *ids: str) -> list[str]:
    """The ids that the client gets when the provider answers with these."""
    data, content_type = answer(call.provider.dialect, *ids)
    found = []
    for event in decode(call, [data], content_type):
        if isinstance(event, ToolCallStarted):
            found.append(event.id)
        elif isinstance(event, NativeBlockStarted):
            found.append(json.loads(event.raw)["content_block"]["id"])
    return found


def upstream_ids(dialect: str, sent: Json) -> tuple[list[str], list[str]]:
    """The ids of the calls and of the results in what goes out."""
    match dialect:
        case "openai_chat" | "ollama":
            calls = [one["id"] for message in sent["messages"] for one in message.get("tool_calls", ())]
            return calls, [message["tool_call_id"] for message in sent["messages"] if message["role"] == "tool"]
        case "openai_responses":
            items = sent["input"]
            calls = [item["call_id"] for item in items if item["type"] == "function_call"]
            return calls, [item["call_id"] for item in items if item["type"] == "function_call_output"]
        case "gemini":
            parts = [part for content in sent["contents"] for part in content["parts"]]
            calls = [part["functionCall"]["id"] for part in parts if "functionCall" in part]
            return calls, [part["functionResponse"]["id"] for part in parts if "functionResponse" in part]
    blocks = [block for message in sent["messages"] for block in message["content"] if isinstance(block, dict)]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return calls, [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_id_of_an_earlier_turn_is_another_one_for_the_client(dialect: str) -> None:
    call = call_of(dialect, history("call_0"))
    (given,) = client_ids(call, "call_0")
    assert given != "call_0"
    assert given.endswith("call_0")
    assert _GOOD_ID.fullmatch(given)
    assert Fidelity.CALL_ID_CHANGED in call.notes


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_id_that_no_turn_has_stays(dialect: str) -> None:
    call = call_of(dialect, history("call_0"))
    assert client_ids(call, "call_1") == ["call_1"]
    assert Fidelity.CALL_ID_CHANGED not in call.notes


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_of_three_turns_has_its_own(dialect: str) -> None:
    ids = ["call_0"]
    for _ in range(2):
        ids += client_ids(call_of(dialect, history(*ids)), "call_0")
    assert len(set(ids)) == 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_calls_of_one_answer_too(dialect: str) -> None:
    given = client_ids(call_of(dialect, history(["call_0", "call_1"])), "call_0", "call_1")
    assert len({"call_0", "call_1", *given}) == 4


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "openai_responses"])
def test_the_provider_gets_its_own_id_back(dialect: str) -> None:
    (given,) = client_ids(call_of(dialect, history("call_0")), "call_0")
    body = history("call_0", given)
    before = copy.deepcopy(body)
    assert upstream_ids(dialect, sent_body(call_of(dialect, body))) == (["call_0", "call_0"], ["call_0", "call_0"])
    assert body == before


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        ("anthropic", {"url": "https://api.anthropic.com", "model": "claude-opus-5-5"}),
        ("anthropic", {"url": "https://api.deepseek.com/anthropic", "model": "deepseek-v4"}),
        ("openai_responses", {"url": "https://api.openai.com/v1", "model": "gpt-5"}),
        ("openai_chat", {"url": "https://api.openai.com/v1", "model": "gpt-5"}),
        ("openai_chat", {"profile": "azure"}),
        ("openai_chat", {"profile": "deepseek", "model": "deepseek-v4"}),
        ("openai_chat", {"profile": "openrouter", "model": "anthropic/claude-opus-5.5"}),
        ("openai_chat", {"profile": "mistral"}),
        ("gemini", {"model": "gemini-3-pro"}),
    ],
    ids=str,
)
def test_another_provider_never_gets_equal_ids(dialect: str, options: Json) -> None:
    (given,) = client_ids(call_of("openai_chat", history("call_0"), url="http://localhost:8000/v1"), "call_0")
    calls, results = upstream_ids(dialect, sent_body(call_of(dialect, history("call_0", given), **options)))
    assert calls == results
    assert len(set(calls)) == 2


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        ("openai_chat", {"url": "https://api.openai.com/v1"}),
        ("openai_chat", {"profile": "azure"}),
        ("openai_chat", {"profile": "deepseek"}),
        ("openai_responses", {"url": "http://localhost:8000/v1"}),
        ("anthropic", {"url": "https://api.anthropic.com", "model": "claude-opus-5-5"}),
    ],
    ids=str,
)
def test_who_refuses_equal_ids_gets_none_even_of_its_own(dialect: str, options: Json) -> None:
    call = call_of(dialect, history("call_0"), **options)
    marked = f"px2_{origin_of(call.provider, call.model)}_0a1b2c_call_0"
    calls, results = upstream_ids(dialect, sent_body(call_of(dialect, history("call_0", marked), **options)))
    assert calls == results == ["call_0", marked]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_that_has_equal_ids_gets_others(dialect: str) -> None:
    """It is older than the marks, or comes from another gateway."""
    body = history("call_0", ["call_0", "call_1"], ["call_1", "call_0"])
    before = copy.deepcopy(body)
    call = call_of(dialect, body)
    expected = ["call_0", "call_0_2", "call_1", "call_1_2", "call_0_3"]
    assert upstream_ids(dialect, sent_body(call)) == (expected, expected)
    assert Fidelity.CALL_ID_CHANGED in call.notes
    assert body == before


@pytest.mark.parametrize("dialect", DIALECTS)
def test_results_stay_with_their_calls(dialect: str) -> None:
    """Two calls of one turn have one id; the results come in their order."""
    body = history(["call_0", "call_0"])
    sent = sent_body(call_of(dialect, body))
    assert upstream_ids(dialect, sent) == (["call_0", "call_0_2"], ["call_0", "call_0_2"])
    written = json.dumps(sent)
    assert written.index("result 1") < written.index("result 2")


def test_an_id_with_other_characters_is_undone_to_the_letter() -> None:
    """Kimi's models mind their ids."""
    (first,) = client_ids(call_of("openai_chat", history()), "functions.Read:0")
    (second,) = client_ids(call_of("openai_chat", history(first)), "functions.Read:0")
    assert first != second
    assert _GOOD_ID.fullmatch(second)
    sent = sent_body(call_of("openai_chat", history(first, second)))
    assert upstream_ids("openai_chat", sent)[0] == ["functions.Read:0", "functions.Read:0"]
    to_openai = sent_body(call_of("openai_chat", history(first, second), url="https://api.openai.com/v1"))
    assert len(set(upstream_ids("openai_chat", to_openai)[0])) == 2


def test_nine_letters_and_digits_are_undone_to_the_letter() -> None:
    (given,) = client_ids(call_of("openai_chat", history("abcdef123"), profile="mistral"), "abcdef123")
    sent = sent_body(call_of("openai_chat", history("abcdef123", given), profile="mistral"))
    assert upstream_ids("openai_chat", sent)[0] == ["abcdef123", "abcdef123"]


@pytest.mark.parametrize("given", ["px2_", "px2_0_1_call", "px2_00000000_0a1b2c_", "px2_00000000_0a1b2c_call_0"])
def test_what_only_looks_marked_stays(given: str) -> None:
    assert upstream_ids("ollama", sent_body(call_of("ollama", history(given))))[0] == [given]


class Body(dict[str, Any]):
    """A body that can be watched."""


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("content_type", [TYPES["sse"], TYPES["json"]])
def test_a_decoder_does_not_keep_the_request(dialect: str, content_type: str) -> None:
    """It lives as long as the stream; the body is let go with the first content."""
    body = Body(history("call_0"))
    decoder = WIRE_DIALECTS[dialect].decoder(content_type, call_of(dialect, body))
    assert decoder.feed(b"{" if content_type == TYPES["json"] else b"d") == []
    gone = weakref.ref(body)
    del body
    assert gone() is None
    assert decoder.close()


def test_an_id_too_long_to_be_marked_is_replaced() -> None:
    long = "x" * 250
    (given,) = client_ids(call_of("ollama", history(long)), long)
    assert re.fullmatch(r"toolu_[0-9a-f]{24}", given)
