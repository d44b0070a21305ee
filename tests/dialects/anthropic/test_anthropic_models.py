"""A Claude model that cannot do what the client asks gets a request that it takes; what is lost is noted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.claude.known_models import known_support, seeded_support, support_for
from providers.claude.support import ClaudeSupport, support_of
from providers.config import ModelConfig, ProviderConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.translation import Translation, continues_answers

USER = {"role": "user", "content": "Hi"}


def call(name: str, supports: ClaudeSupport | None = None, beta: str = "", **fields: Any) -> Call:
    return Call(
        body={"model": "route", "max_tokens": 32_000, "messages": [USER], **fields},
        model=ModelConfig(id=1, provider_id=1, name=name, supports=supports),
        provider=ProviderConfig(id=1, name="p", dialect="anthropic", base_url="https://api.anthropic.com"),
        headers={"anthropic-beta": beta} if beta else {},
    )


def sent(made: Call) -> dict[str, Any]:
    """What goes to the model, beside the parts that every request has."""
    body: dict[str, Any] = json.loads(DIALECTS["anthropic"].request(made).body)
    return {name: value for name, value in body.items() if name not in ("model", "stream", "max_tokens", "messages")}


ADAPTIVE = {"type": "adaptive", "display": "summarized"}


def test_adaptive_thinking_becomes_a_budget_where_the_model_thinks_the_old_way() -> None:
    made = call("claude-haiku-4-5-20251001", thinking=ADAPTIVE, output_config={"effort": "high"})
    assert sent(made) == {"thinking": {"type": "enabled", "budget_tokens": 16_000}}
    assert list(made.notes) == ["thinking_restated"]


@pytest.mark.parametrize(
    ("effort", "max_tokens", "budget"),
    [
        ("low", 32_000, 2048),
        ("medium", 32_000, 8192),
        ("max", 64_000, 32_000),
        (None, 64_000, 16_384),
        ("high", 3000, 1500),
        ("high", 1500, 1024),
        ("high", 1025, 1024),
        # A budget has 1,024 tokens at least and stays below max_tokens.
        ("high", 1024, None),
        ("high", 1, None),
    ],
)
def test_a_budget_leaves_room_for_an_answer(effort: str | None, max_tokens: int, budget: int | None) -> None:
    config: dict[str, Any] = {} if effort is None else {"output_config": {"effort": effort}}
    made = call("claude-sonnet-4-5", thinking={"type": "adaptive"}, max_tokens=max_tokens, **config)
    thinking = {} if budget is None else {"thinking": {"type": "enabled", "budget_tokens": budget}}
    assert sent(made) == thinking
    assert list(made.notes) == ["thinking_restated" if budget else "thinking_control_dropped"]


def test_a_model_that_never_thinks_is_not_asked_to() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}]}
    fields: dict[str, Any] = {"thinking": ADAPTIVE, "output_config": {"effort": "low"}, "context_management": edits}
    made = call("claude-3-5-haiku-20241022", max_tokens=4000, **fields)
    # "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive."
    assert sent(made) == {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}
    assert list(made.notes) == ["thinking_control_dropped"]
    made = call("claude-3-5-haiku-20241022", max_tokens=4000, thinking={"type": "disabled"})
    assert (sent(made), list(made.notes)) == ({}, [])


def test_effort_is_left_out_where_there_is_none_and_the_rest_of_its_object_stays() -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    made = call("claude-haiku-4-5", output_config={"effort": "high", "format": wanted})
    assert sent(made) == {"output_config": {"format": wanted}}
    assert list(made.notes) == ["thinking_control_dropped"]


@pytest.mark.parametrize(
    ("name", "asked", "goes"),
    [
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-6", "max", "max"),
        ("claude-opus-4-5", "max", "high"),
        ("claude-opus-4-7", "xhigh", "xhigh"),
        ("claude-fable-5-1", "max", "max"),
    ],
)
def test_an_effort_that_the_model_does_not_know_becomes_the_nearest(name: str, asked: str, goes: str) -> None:
    made = call(name, output_config={"effort": asked})
    assert sent(made) == {"output_config": {"effort": goes}}
    assert list(made.notes) == ([] if asked == goes else ["effort_changed"])


def test_a_budget_becomes_an_effort_where_there_are_no_budgets() -> None:
    made = call("claude-opus-5-5", thinking={"type": "enabled", "budget_tokens": 4000})
    assert sent(made) == {"thinking": ADAPTIVE, "output_config": {"effort": "medium"}}
    assert list(made.notes) == ["thinking_restated"]
    hidden = {"type": "enabled", "budget_tokens": 31_999, "display": "omitted"}
    made = call("claude-sonnet-5", thinking=hidden, output_config={"effort": "low"})
    assert sent(made) == {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}
    # The 4.6 models still take both.
    enabled = {"type": "enabled", "budget_tokens": 4000}
    assert sent(call("claude-opus-4-6", thinking=enabled)) == {"thinking": enabled}


def test_thinking_is_switched_off_as_the_model_knows_it() -> None:
    off = {"type": "disabled"}
    between = {"type": "between_tools"}
    assert sent(call("claude-sonnet-5", thinking=off)) == {"thinking": off}
    assert sent(call("claude-sonnet-5-5", thinking=off)) == {"thinking": between}
    assert sent(call("claude-opus-4-7", thinking=between)) == {"thinking": off}
    # One that always thinks is asked for little of it.
    made = call("claude-opus-5-5", thinking=off)
    assert sent(made) == {"output_config": {"effort": "low"}}
    assert list(made.notes) == ["thinking_control_dropped", "effort_changed"]
    made = call("claude-fable-5", thinking=off, output_config={"effort": "high"})
    assert sent(made) == {"output_config": {"effort": "high"}}


@pytest.mark.parametrize(
    ("name", "off"),
    [("claude-opus-5", "disabled"), ("claude-haiku-5-5", "disabled"), ("claude-sonnet-5-5", "between_tools")],
)
def test_an_effort_that_needs_thinking_is_lowered_without_it(name: str, off: str) -> None:
    made = call(name, thinking={"type": off}, output_config={"effort": "max"})
    assert sent(made) == {"thinking": {"type": off}, "output_config": {"effort": "high"}}
    assert list(made.notes) == ["effort_changed"]
    assert sent(call(name, output_config={"effort": "max"})) == {"output_config": {"effort": "max"}}


def test_sampling_is_left_out_where_the_model_takes_none() -> None:
    made = call("claude-opus-4-7", temperature=0.2, top_k=5)
    assert (sent(made), list(made.notes)) == ({}, ["sampling_dropped"])
    made = call("claude-opus-4-7", temperature=1)
    assert (sent(made), list(made.notes)) == ({}, [])
    made = call("claude-sonnet-4-5", temperature=0.2, top_p=0.9)
    assert (sent(made), list(made.notes)) == ({"temperature": 0.2}, ["sampling_dropped"])
    made = call("claude-sonnet-4-5", top_p=0.9)
    assert (sent(made), list(made.notes)) == ({"top_p": 0.9}, [])
    made = call("claude-sonnet-4", temperature=0.2, top_p=0.9)
    assert sent(made) == {"temperature": 0.2, "top_p": 0.9}
    # A thinking model takes no temperature but 1.
    made = call("claude-haiku-4-5", temperature=0.2, thinking=ADAPTIVE)
    assert sent(made) == {"thinking": {"type": "enabled", "budget_tokens": 16_000}}


TOOLS = [{"name": "read", "input_schema": {"type": "object", "properties": {}}}]


def test_a_required_call_is_put_into_words_where_none_can_be_required() -> None:
    choice = {"type": "tool", "name": "read", "disable_parallel_tool_use": True}
    made = call("claude-opus-5-5", tools=TOOLS, tool_choice=choice, system="Be brief.")
    got = sent(made)
    assert got["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert got["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Answer with a call of the tool read."},
    ]
    assert list(made.notes) == ["tool_choice_told"]
    assert sent(call("claude-opus-5", tools=TOOLS, tool_choice=choice))["tool_choice"] == choice
    # A budget and a required call exclude each other: the call was asked for.
    made = call("claude-haiku-4-5", tools=TOOLS, tool_choice={"type": "any"}, thinking=ADAPTIVE)
    assert sent(made) == {"tools": TOOLS, "tool_choice": {"type": "any"}}
    assert list(made.notes) == ["thinking_control_dropped"]


def test_a_begun_answer_is_asked_for_where_the_model_continues_none() -> None:
    messages = [USER, {"role": "assistant", "content": '{"a":'}]
    made = call("claude-sonnet-4-6", messages=messages)
    body = json.loads(DIALECTS["anthropic"].request(made).body)
    assert body["messages"][:2] == messages
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert list(made.notes) == ["prefill_restated"]
    made = call("claude-sonnet-4-5", messages=messages)
    assert json.loads(DIALECTS["anthropic"].request(made).body)["messages"] == messages
    # What a server tool has begun the model goes on with.
    begun = {
        "role": "assistant",
        "content": [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}],
    }
    made = call("claude-sonnet-4-6", messages=[USER, begun])
    assert json.loads(DIALECTS["anthropic"].request(made).body)["messages"] == [USER, begun]


def test_a_model_that_continues_no_answer_is_not_asked_to_whatever_its_row_can() -> None:
    provider = call("m").provider
    can = frozenset({"prefill"})
    assert continues_answers(provider, ModelConfig(id=1, provider_id=1, name="claude-sonnet-4-5", capabilities=can))
    assert not continues_answers(provider, ModelConfig(id=1, provider_id=1, name="claude-opus-4-6", capabilities=can))


def test_system_messages_become_reminders_where_the_model_takes_none() -> None:
    messages = [USER, {"role": "system", "content": "Now."}]
    made = call("claude-sonnet-4-6", messages=messages)
    text = {"type": "text", "text": "<system-reminder>\nNow.\n</system-reminder>"}
    assert json.loads(DIALECTS["anthropic"].request(made).body)["messages"] == [
        USER,
        {"role": "user", "content": [text]},
    ]
    assert list(made.notes) == ["system_restated"]
    made = call("claude-opus-5", messages=messages)
    assert json.loads(DIALECTS["anthropic"].request(made).body)["messages"] == messages
    # One that changes the tools cannot be put into words: the model refuses it itself.
    change = [USER, {"role": "system", "content": [{"type": "tool_removal", "name": "read"}]}]
    made = call("claude-sonnet-4-6", messages=change)
    assert json.loads(DIALECTS["anthropic"].request(made).body)["messages"] == change


def test_max_tokens_is_lowered_to_what_the_model_is_known_to_write() -> None:
    made = call("claude-haiku-4-5", max_tokens=128_000)
    assert json.loads(DIALECTS["anthropic"].request(made).body)["max_tokens"] == 64_000
    assert list(made.notes) == ["max_tokens_lowered"]


def test_a_beta_that_the_model_refuses_is_left_out() -> None:
    made = call("claude-haiku-4-5", beta="context-1m-2025-08-07,context-management-2025-06-27")
    headers = dict(Translation(made).draft().headers)
    assert headers["anthropic-beta"] == "context-management-2025-06-27"
    assert list(made.notes) == ["beta_dropped"]
    made = call("claude-haiku-4-5", beta="context-1m-2025-08-07")
    assert "anthropic-beta" not in dict(Translation(made).draft().headers)
    made = call("claude-sonnet-4-5", beta="context-1m-2025-08-07")
    assert dict(Translation(made).draft().headers)["anthropic-beta"] == "context-1m-2025-08-07"


def test_a_count_asks_for_nothing_that_the_model_refuses() -> None:
    made = call(
        "claude-haiku-4-5",
        thinking=ADAPTIVE,
        output_config={"effort": "high"},
        inference_geo="eu",
        diagnostics={"x": 1},
    )
    request = DIALECTS["anthropic"].count_request(made)
    assert request is not None
    assert json.loads(request.body) == {"model": "claude-haiku-4-5", "messages": [USER]}


def test_the_row_says_more_than_the_name() -> None:
    adaptive: dict[str, Any] = {"thinking": ADAPTIVE, "output_config": {"effort": "high"}}
    # An inference profile's ARN tells nothing; the row does.
    arn = "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x"
    assert sent(call(arn, **adaptive)) == adaptive
    old = support_of({"thinking": ["enabled", "disabled"], "efforts": []})
    assert sent(call(arn, old, **adaptive)) == {"thinking": {"type": "enabled", "budget_tokens": 16_000}}
    # An empty object limits nothing, whatever the name.
    assert sent(call("claude-haiku-4-5", ClaudeSupport(), **adaptive)) == adaptive
    assert sent(call("claude-opus-9", **adaptive)) == adaptive


@pytest.mark.parametrize(
    ("names", "thinking", "max_output"),
    [
        (
            [
                *("claude-haiku-4-5", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5"),
                *(
                    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
                    "claude-haiku-4-5@20251001",
                    "~anthropic/claude-4.5-haiku",
                ),
            ],
            ("enabled", "disabled"),
            64_000,
        ),
        (["claude-opus-4-20250514", "claude-opus-4-0", "claude-opus-4@20250514"], ("enabled", "disabled"), 32_000),
        (["claude-3-haiku-20240307", "anthropic.claude-3-haiku-20240307-v1:0"], (), 4096),
        (
            ["claude-opus-4-8", "claude-opus-4-8[1m]", "anthropic/claude-opus-4.8:beta"],
            ("adaptive", "disabled"),
            128_000,
        ),
    ],
)
def test_a_model_is_known_by_every_spelling(names: list[str], thinking: tuple[str, ...], max_output: int) -> None:
    for name in names:
        known = known_support(name)
        assert known is not None, name
        assert (known.thinking, known.max_output) == (thinking, max_output), name
        assert support_of(seeded_support(name)) == known
    for name in ("gpt-5", "claude-opus-6", "claude-instant-1.2", "my-claude", ""):
        assert support_for(ModelConfig(id=1, provider_id=1, name=name)) is None
