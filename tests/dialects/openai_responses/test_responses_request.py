"""The openai_responses request around the conversation: limits, thinking, tools, output format, headers, and what is
noted of each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.errors import UpstreamError
from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, text, user
from tests.claude.wire import make_call, sent

OPENAI = "https://api.openai.com/v1"
HELLO = [user("Hello")]
SEARCH = {"type": "web_search_20260318", "name": "web_search"}
BASH = {"name": "Bash", "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}}
LONG = "mcp__" + "a_long_name_" * 8


def ask(body: Json | None = None, **options: Any) -> tuple[Json, list[str]]:
    """What goes out for a hello with these fields, and what was noted."""
    options.setdefault("url", OPENAI)
    options.setdefault("model", "gpt-4.1")
    call = make_call("openai_responses", {"messages": HELLO, **(body or {})}, **options)
    fields: Json = msgspec.json.decode(sent(call).body)
    return fields, list(call.notes)


def test_the_least_there_is() -> None:
    fields, notes = ask({"model": "claude-opus", "max_tokens": 100})
    assert fields == {
        "model": "gpt-4.1",
        "stream": True,
        "store": False,
        "max_output_tokens": 100,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
    }
    assert notes == []


def test_it_goes_to_the_responses_with_the_key_and_the_providers_headers() -> None:
    request = sent(make_call("openai_responses", secret="sk-1", headers=(("X-Team", "a"),)))
    assert request.path == "/responses"
    assert dict(request.headers) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer sk-1",
        "x-team": "a",
    }
    assert "authorization" not in dict(sent(make_call("openai_responses")).headers)


def test_the_system_prompt_is_the_instructions_without_the_billing_line() -> None:
    fields, notes = ask({"system": [text(BILLING_TEXT), text("Be brief.", **MARK), text("Be kind.")]})
    assert fields["instructions"] == "Be brief.\n\nBe kind."
    assert notes == ["billing_header_dropped", "cache_control_dropped"]


@pytest.mark.parametrize(
    ("body", "options", "expected", "notes"),
    [
        ({"max_tokens": 5}, {}, {"max_output_tokens": 16}, ["max_tokens_raised"]),
        ({"max_tokens": 128000}, {"max_output": 32000}, {"max_output_tokens": 32000}, ["max_tokens_lowered"]),
        (
            {"max_tokens": 9000},
            {"context_window": 10000, "input_estimate": 4000},
            {"max_output_tokens": 6000},
            ["max_tokens_lowered"],
        ),
        ({"temperature": 0.5, "top_p": 0.9}, {}, {"temperature": 0.5, "top_p": 0.9}, []),
        ({"temperature": 0.5, "top_k": 5}, {}, {"temperature": 0.5}, ["sampling_dropped"]),
        ({"temperature": 0.5}, {"model": "gpt-5"}, {}, ["sampling_dropped"]),
        ({"temperature": 0.5}, {"model": "mine", "capabilities": ["thinking"]}, {}, ["sampling_dropped"]),
        (
            {"temperature": 0.5, "thinking": {"type": "disabled"}},
            {"model": "gpt-5.2"},
            {"temperature": 0.5, "reasoning": {"effort": "none"}},
            [],
        ),
        ({"service_tier": "standard_only"}, {}, {}, ["field_dropped"]),
        ({"verbosity": "low"}, {}, {"verbosity": "low"}, []),
    ],
)
def test_limits_and_sampling(body: Json, options: Json, expected: Json, notes: list[str]) -> None:
    fields, noted = ask(body, **options)
    assert {key: value for key, value in fields.items() if key not in ("model", "stream", "store", "input")} == expected
    assert noted == notes


def test_stop_sequences_are_all_left_to_us() -> None:
    call = make_call("openai_responses", {"messages": HELLO, "stop_sequences": ["END", "", "\n\n"]})
    request = sent(call)
    assert request.unsent_stops == ("END", "\n\n")
    assert b"END" not in request.body
    assert list(call.notes) == ["stop_sequences_matched_here"]


ADAPTIVE = {"type": "adaptive"}
CARRIED = ["reasoning.encrypted_content"]


@pytest.mark.parametrize(
    ("model", "body", "expected", "notes"),
    [
        ("gpt-5", {}, {}, []),
        ("gpt-5", {"tools": [BASH]}, {"include": CARRIED}, []),
        ("gpt-5", {"thinking": ADAPTIVE}, {"reasoning": {"summary": "auto"}, "include": CARRIED}, []),
        ("gpt-5", {"thinking": {**ADAPTIVE, "display": "omitted"}}, {"include": CARRIED}, []),
        (
            "openai/gpt-5.4",
            {"thinking": ADAPTIVE, "output_config": {"effort": "xhigh"}},
            {"reasoning": {"effort": "xhigh", "summary": "auto"}, "include": CARRIED},
            [],
        ),
        ("gpt-5.1", {"output_config": {"effort": "max"}}, {"reasoning": {"effort": "high"}}, ["effort_changed"]),
        ("gpt-5.1-codex-max", {"output_config": {"effort": "xhigh"}}, {"reasoning": {"effort": "xhigh"}}, []),
        ("gpt-5.6-sol", {"output_config": {"effort": "max"}}, {"reasoning": {"effort": "max"}}, []),
        ("gpt-6.2-astra", {"output_config": {"effort": "max"}}, {"reasoning": {"effort": "max"}}, []),
        ("gpt-5-pro", {"output_config": {"effort": "low"}}, {"reasoning": {"effort": "high"}}, ["effort_changed"]),
        ("gpt-5.2-pro", {"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "medium"}}, ["effort_changed"]),
        ("o3", {"output_config": {"effort": "max"}}, {"reasoning": {"effort": "high"}}, ["effort_changed"]),
        ("o3", {"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "low"}}, ["effort_changed"]),
        ("gpt-5", {"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "minimal"}}, ["effort_changed"]),
        ("gpt-5.2", {"thinking": {"type": "disabled"}, "tools": [BASH]}, {"reasoning": {"effort": "none"}}, []),
        (
            "gpt-5.2",
            {"thinking": {"type": "enabled", "budget_tokens": 31999}},
            {"reasoning": {"effort": "high", "summary": "auto"}, "include": CARRIED},
            ["effort_changed"],
        ),
        ("gpt-5.2", {"output_config": {"effort": "ultra"}}, {"reasoning": {"effort": "medium"}}, ["effort_changed"]),
        ("gpt-4.1", {"thinking": ADAPTIVE}, {}, ["thinking_control_dropped"]),
        ("gpt-4.1", {"thinking": {"type": "disabled"}}, {}, []),
        ("gpt-5-chat-latest", {"output_config": {"effort": "high"}}, {}, ["thinking_control_dropped"]),
    ],
)
def test_thinking(model: str, body: Json, expected: Json, notes: list[str]) -> None:
    fields, noted = ask(body, model=model)
    assert {key: fields[key] for key in ("reasoning", "include") if key in fields} == expected
    assert noted == notes


def test_a_model_whose_row_says_that_it_thinks_is_asked_whatever_its_name() -> None:
    fields, _ = ask({"thinking": ADAPTIVE}, model="my-deployment", capabilities=["thinking"])
    assert fields["reasoning"] == {"summary": "auto"}


def test_tools() -> None:
    described = {**BASH, "description": "Runs.", "strict": True, "input_examples": [{}], **MARK}
    fields, notes = ask({"tools": [described, SEARCH, {"name": "Later", "defer_loading": True}]})
    assert fields["tools"] == [
        {
            "type": "function",
            "name": "Bash",
            "description": "Runs.",
            "parameters": BASH["input_schema"],
            "strict": False,
        }
    ]
    assert "tool_choice" not in fields
    assert sorted(notes) == ["cache_control_dropped", "server_tool_dropped", "tool_deferred", "tool_fields_dropped"]


@pytest.mark.parametrize(
    ("choice", "expected", "notes"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}, []),
        ({"type": "any"}, {"tool_choice": "required"}, []),
        ({"type": "none"}, {"tool_choice": "none"}, []),
        ({"type": "tool", "name": "Bash"}, {"tool_choice": {"type": "function", "name": "Bash"}}, []),
        ({"type": "tool", "name": "Nobody"}, {}, ["tool_choice_dropped"]),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
            [],
        ),
    ],
)
def test_tool_choice(choice: Json, expected: Json, notes: list[str]) -> None:
    fields, noted = ask({"tools": [BASH], "tool_choice": choice})
    assert {key: fields[key] for key in ("tool_choice", "parallel_tool_calls") if key in fields} == expected
    assert noted == notes


def test_a_request_for_a_search_alone_has_no_tools_left() -> None:
    fields, notes = ask({"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}})
    assert "tools" not in fields
    assert "tool_choice" not in fields
    assert notes == ["server_tool_dropped", "tool_choice_dropped"]


def test_a_long_tool_name_goes_out_cut_everywhere() -> None:
    fields, notes = ask({"tools": [{**BASH, "name": LONG}], "tool_choice": {"type": "tool", "name": LONG}})
    name = fields["tools"][0]["name"]
    assert len(name) == 64
    assert LONG.startswith(name[:55])
    assert fields["tool_choice"]["name"] == name
    assert notes == ["tool_renamed"]


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict", "notes"),
    [(STRICT, True, []), ({**STRICT, "required": []}, False, ["schema_not_strict"])],
)
def test_output_format(schema: Json, strict: bool, notes: list[str]) -> None:
    wanted = {"type": "json_schema", "schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}}
    fields, noted = ask({"output_config": {"format": wanted}})
    assert fields["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}
    assert noted == notes


def test_a_session_keeps_its_cache_and_a_user_is_sent_as_a_hash() -> None:
    fields, notes = ask({"metadata": {"user_id": "jane@example.com"}}, session_id="5f0c1f6e")
    assert fields["prompt_cache_key"] == "5f0c1f6e"
    assert len(fields["safety_identifier"]) == 32
    assert notes == ["user_id_hashed"]
    longer, _ = ask(session_id="x" * 100)
    assert len(longer["prompt_cache_key"]) == 64


def test_servers_that_imitate_openai_do_not_get_the_user() -> None:
    fields, notes = ask({"metadata": {"user_id": "jane@example.com"}}, url="http://127.0.0.1:8000/v1")
    assert "safety_identifier" not in fields
    assert notes == []


def test_a_beta_asked_for_by_header_is_noted() -> None:
    assert ask(client_headers={"anthropic-beta": "context-1m-2025-08-07"})[1] == ["beta_dropped"]


def test_openai_counts_what_it_would_be_sent() -> None:
    body = {"messages": HELLO, "system": "Be brief.", "tools": [BASH], "max_tokens": 5, "temperature": 1}
    call = make_call("openai_responses", body, url=OPENAI, model="gpt-4.1", secret="sk-1")
    counting = DIALECTS["openai_responses"].count_request(call)
    assert counting is not None
    assert counting.path == "/responses/input_tokens"
    assert dict(counting.headers)["accept"] == "application/json"
    assert list(msgspec.json.decode(counting.body)) == ["model", "tools", "instructions", "input"]
    assert counting.read(b'{"object":"response.input_tokens","input_tokens":11}') == b'{"input_tokens":11}'
    with pytest.raises(UpstreamError):
        counting.read(b'{"object":"response.input_tokens"}')


@pytest.mark.parametrize(
    "url", ["https://x.openai.azure.com/openai/v1", "http://127.0.0.1/v1", "https://notopenai.com"]
)
def test_others_are_not_asked_to_count(url: str) -> None:
    assert DIALECTS["openai_responses"].count_request(make_call("openai_responses", url=url)) is None
