"""Servers that imitate Claude (OpenRouter, DeepSeek, vLLM, llama.cpp, Kimi): what they leave out or get wrong is put
right, so that Claude's own clients read it; the rest stays as it came."""

from __future__ import annotations

from typing import Any

import pytest

from providers.errors import ErrorKind
from providers.events import StreamFailed
from providers.fidelity import Fidelity
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import cases, claude_stream, decode, make_call, sent, sent_body

CASES = {case.folder.name: case for case in cases("anthropic")}


def stream(name: str) -> ParsedStream:
    """The whole stream that a client gets of a fixture."""
    case = CASES[name]
    return check_stream(claude_stream(case.events([case.body])))


def blocks(name: str) -> list[tuple[str, str]]:
    return [(block.type, block.text or block.thinking or block.json) for block in stream(name).blocks]


def test_openrouters_comments_and_done_go_and_its_own_members_stay() -> None:
    made = stream("openrouter_comments_done")
    assert made.text == "Hi."
    assert made.message is not None
    assert made.message["provider"] == "Anthropic"
    assert made.events[-2]["usage"] == {"input_tokens": 9, "output_tokens": 3, "cost": 0.000072, "is_byok": False}


def test_deepseeks_thinking_gets_the_signature_that_its_start_lacks() -> None:
    thinking = stream("thinking_deepseek").blocks[0]
    assert thinking.start == {"type": "thinking", "thinking": "", "signature": ""}
    assert thinking.deltas[-1] == {"type": "signature_delta", "signature": "91cfbb94-554b-4136-8e21-fa02280d56ed"}


def test_unsigned_thinking_gets_an_empty_signature_and_a_signature_of_the_start_is_repeated() -> None:
    made = stream("thinking_unsigned")
    assert [block.type for block in made.blocks] == ["thinking", "text", "thinking"]
    signatures = [block.deltas[-1] for block in made.blocks if block.type == "thinking"]
    assert signatures == [{"type": "signature_delta", "signature": value} for value in ("", "aGk=")]


@pytest.mark.parametrize("name", ["usage_left_out", "start_left_out_much"])
def test_what_is_left_out_of_start_and_end_is_filled_in(name: str) -> None:
    made = stream(name)
    assert made.text == "Fine."
    assert type(made.events[0]["message"]["usage"]["input_tokens"]) is int
    assert type(made.events[-2]["usage"]["output_tokens"]) is int


def test_input_in_a_calls_start_is_sent_as_a_delta_unless_deltas_have_it() -> None:
    assert [call.input for call in stream("tool_input_in_the_start").tool_calls] == [
        {"city": "Paris"},
        {"city": "Rome"},
    ]


def test_ids_that_clients_may_not_see_are_changed_and_noted() -> None:
    case = CASES["tool_ids_odd"]
    call = case.call
    made = check_stream(claude_stream(decode(call, [case.body])))
    first, second, third = made.tool_calls
    assert first.id == "functions_Bash_0"
    assert len({first.id, second.id, third.id}) == 3
    assert [first.input, second.input, third.input] == [{"command": "ls"}, {"command": "pwd"}, {}]
    # It said end_turn beside the calls; clients run tools by the stop reason.
    assert made.stop_reason == "tool_use"
    assert list(call.notes) == [Fidelity.CALL_ID_CHANGED]


def test_empty_text_blocks_are_left_out_and_citations_before_a_text_wait_for_it() -> None:
    (block,) = stream("text_empty_blocks").blocks
    assert [delta["type"] for delta in block.deltas] == ["citations_delta", "text_delta"]


def test_blocks_left_open_are_closed() -> None:
    assert [block.type for block in stream("stop_missing_blocks_left_open").blocks] == ["thinking", "text"]


def test_a_delta_that_fits_no_reading_fails_the_stream() -> None:
    case = CASES["malformed_mismatched_delta"]
    last = case.events([case.body])[-1]
    assert isinstance(last, StreamFailed)
    assert (last.error.kind, last.error.message) == (
        ErrorKind.MALFORMED,
        "The provider sent a thinking_delta in a block of type text.",
    )


def test_an_answer_in_one_document_is_corrected_too() -> None:
    call = make_call("anthropic")
    document = (
        b'{"type":"message","content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":""},'
        b'{"type":"tool_use","id":"a b","name":"f","input":{"x":1}}],"stop_reason":"end_turn",'
        b'"usage":{"input_tokens":"3","output_tokens":4}}'
    )
    made = check_stream(claude_stream(decode(call, [document], "application/json")))
    assert [(block.type, block.thinking or block.json) for block in made.blocks] == [
        ("thinking", "Hm."),
        ("tool_use", '{"x":1}'),
    ]
    assert made.stop_reason == "tool_use"


UNSIGNED = {"type": "thinking", "thinking": "Hm.", "signature": ""}
UUID_SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "91cfbb94-554b-4136-8e21-fa02280d56ed"}
OURS = {"type": "thinking", "thinking": "Hm.", "signature": "px1:gemini:01234567:e30"}
CLAUDES = {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM"}
TEXT = {"type": "text", "text": "So."}


@pytest.mark.parametrize(
    ("url", "model", "kept"),
    [
        ("https://api.anthropic.com", "claude-sonnet-5-5", [CLAUDES]),
        ("https://api.anthropic.com", "anything", [CLAUDES]),
        ("https://openrouter.ai/api", "anthropic/claude-sonnet-5.5", [CLAUDES]),
        ("https://gateway.example.com", "my-sonnet", [CLAUDES]),
        # 400 "The content[].thinking in the thinking mode must be passed back to the API."
        ("https://api.deepseek.com/anthropic", "deepseek-v4-pro", [UNSIGNED, UUID_SIGNED, CLAUDES]),
        ("http://127.0.0.1:8080", "qwen3-30b", [UNSIGNED, UUID_SIGNED, CLAUDES]),
    ],
)
def test_thinking_goes_back_to_whoever_takes_it(url: str, model: str, kept: list[dict[str, Any]]) -> None:
    turn = {"role": "assistant", "content": [UNSIGNED, UUID_SIGNED, OURS, CLAUDES, TEXT]}
    call = make_call("anthropic", {"messages": [turn]}, url=url, model=model)
    assert sent_body(call)["messages"][0]["content"] == [*kept, TEXT]
    assert list(call.notes) == [Fidelity.THINKING_DROPPED]


def test_on_a_platform_every_model_is_claude() -> None:
    turn = {"role": "assistant", "content": [UNSIGNED, CLAUDES]}
    call = make_call("anthropic", {"messages": [turn]}, model="arn:aws:bedrock:x:profile/abc", platform="bedrock")
    assert sent_body(call)["messages"][0]["content"] == [CLAUDES]


def test_fields_that_nobody_here_knows_leave_as_the_bytes_they_are() -> None:
    body = {
        "model": "route",
        "messages": [{"role": "user", "content": [{"type": "future", "n": 10**15, "f": 1.5, "u": "\u2028 ü \u0001"}]}],
        "a_new_field": {"b": [None, True, {"c": -1.5}], "a": ""},
        "max_tokens": 9,
    }
    assert (
        sent(make_call("anthropic", body, model="claude-x")).body
        == (
            '{"model":"claude-x","messages":[{"role":"user","content":[{"type":"future","n":1000000000000000,"f":1.5,'
            '"u":"\u2028 ü \\u0001"}]}],"a_new_field":{"b":[null,true,{"c":-1.5}],"a":""},"max_tokens":9,"stream":true}'
        ).encode()
    )
