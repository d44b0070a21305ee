"""A history that another model wrote goes to Claude as one that Claude takes; a good one stays to the letter."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from providers.claude.support import ClaudeSupport
from providers.config import ModelConfig, ProviderConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call

USER = {"role": "user", "content": "Read it."}
CLAUDES = {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM"}
FOREIGN = {"type": "thinking", "thinking": "Hm.", "signature": "px1:openai_chat:01234567:e30"}
CALL = {"type": "tool_use", "id": "call_1", "name": "read", "input": {"path": "a"}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": "42"}
ENABLED = {"type": "enabled", "budget_tokens": 2000}


def answer(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def results(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def call(messages: list[Any], model: str = "claude-sonnet-4-5", platform: str = "", **fields: Any) -> Call:
    return Call(
        body={"model": "route", "max_tokens": 8000, "messages": messages, **fields},
        model=ModelConfig(id=1, provider_id=1, name=model, supports=ClaudeSupport() if model == "any" else None),
        provider=ProviderConfig(id=1, name="p", dialect="anthropic", base_url="https://api.anthropic.com"),
    )


def sent(made: Call) -> dict[str, Any]:
    before = copy.deepcopy(made.body)
    body: dict[str, Any] = json.loads(DIALECTS["anthropic"].request(made).body)
    assert made.body == before, "the shared body was changed"
    return body


def mended(*messages: Any) -> tuple[list[Any], list[str]]:
    made = call(list(messages))
    return sent(made)["messages"], list(made.notes)


def test_no_thinking_while_the_loop_was_begun_by_another_model() -> None:
    made = call([USER, answer(FOREIGN, CALL), results(RESULT)], thinking=ENABLED)
    body = sent(made)
    assert "thinking" not in body
    assert body["messages"] == [USER, answer(CALL), results(RESULT)]
    assert list(made.notes) == ["thinking_dropped", "thinking_control_dropped"]


def test_claudes_own_turns_in_such_a_loop_change_nothing() -> None:
    """Its next turn has no thinking either, since it was not asked for any."""
    second = {**CALL, "id": "call_2"}
    history = [
        USER,
        answer(FOREIGN, CALL),
        results(RESULT),
        answer(second),
        results({**RESULT, "tool_use_id": "call_2"}),
    ]
    assert "thinking" not in sent(call(history, thinking=ENABLED))


@pytest.mark.parametrize(
    "history",
    [
        # Claude itself began the loop, and thinks once in it.
        [
            USER,
            answer(CLAUDES, CALL),
            results(RESULT),
            answer({**CALL, "id": "call_2"}),
            results({**RESULT, "tool_use_id": "call_2"}),
        ],
        [USER, answer({"type": "redacted_thinking", "data": "x"}, CALL), results(RESULT)],
        # The loop is over: what comes next is a turn of its own.
        [USER, answer(CALL), results(RESULT), answer({"type": "text", "text": "42."}), USER],
        [USER, answer({"type": "text", "text": "Hello."}), USER],
        [USER],
    ],
)
def test_thinking_stays_where_claude_takes_it(history: list[Any]) -> None:
    made = call(history, thinking=ENABLED)
    body = sent(made)
    assert (body["thinking"], body["messages"], list(made.notes)) == (ENABLED, history, [])


def test_a_loop_that_begins_with_text_has_no_thinking_either() -> None:
    history = [
        USER,
        answer({"type": "text", "text": "I read."}, CALL),
        results(RESULT),
        {"role": "system", "content": "!"},
    ]
    assert "thinking" not in sent(call(history, model="any", thinking=ENABLED))


def test_thinking_that_lost_its_place_stands_first_again() -> None:
    text = {"type": "text", "text": "I read."}
    redacted = {"type": "redacted_thinking", "data": "x"}
    history = [USER, answer(text, CLAUDES, redacted, CALL), results(RESULT)]
    made = call(history, thinking=ENABLED)
    body = sent(made)
    assert body["messages"] == [USER, answer(CLAUDES, redacted, text, CALL), results(RESULT)]
    assert (body["thinking"], list(made.notes)) == (ENABLED, [])
    # Adaptive thinking may come behind text: those models' messages stay as they were written.
    adaptive = {"type": "adaptive"}
    assert sent(call(history, model="claude-opus-5-5", thinking=adaptive))["messages"] == history
    assert sent(call(history))["messages"] == history


def test_edits_of_thinking_go_with_it() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    body = sent(call([USER, answer(CALL), results(RESULT)], thinking=ENABLED, context_management=edits))
    assert {"thinking", "context_management"}.isdisjoint(body)


def test_adaptive_thinking_allows_such_a_loop_until_it_becomes_a_budget() -> None:
    history = [USER, answer(CALL), results(RESULT)]
    adaptive = {"type": "adaptive"}
    assert sent(call(history, model="claude-opus-4-7", thinking=adaptive))["thinking"] == adaptive
    assert "thinking" not in sent(call(history, model="claude-haiku-4-5", thinking=adaptive))


def test_a_server_that_is_no_claude_gets_the_history_as_it_is() -> None:
    history = [USER, answer({"type": "text", "text": " "}, {**CALL, "id": "functions.read:0"}), USER]
    made = Call(
        body={"model": "route", "max_tokens": 8000, "messages": history, "thinking": ENABLED},
        model=ModelConfig(id=1, provider_id=1, name="kimi-k2.5"),
        provider=ProviderConfig(id=1, name="p", dialect="anthropic", base_url="https://api.moonshot.ai/anthropic"),
    )
    body = sent(made)
    assert (body["messages"], body["thinking"]) == (history, ENABLED)


def test_texts_that_nobody_sees_are_left_out() -> None:
    """Many open models write a line break before a call."""
    texts = [{"type": "text", "text": text} for text in ("", "\n\n", "So.")]
    assert mended(USER, answer(*texts[:2], CALL), results(RESULT), answer(texts[0]), USER, answer(texts[2]), USER) == (
        [USER, answer(CALL), results(RESULT), USER, answer(texts[2]), USER],
        [],
    )
    assert mended(USER, {"role": "assistant", "content": ""}, USER)[0] == [USER, USER]


def test_a_message_does_not_end_with_thinking() -> None:
    text = {"type": "text", "text": "So."}
    assert mended(USER, answer(text, CLAUDES), USER, answer(CLAUDES), USER) == (
        [USER, answer(text), USER, USER],
        ["thinking_dropped"],
    )
    # Two messages in a row are one turn.
    history = [USER, answer(CLAUDES), answer(text), USER]
    assert mended(*history) == (history, [])


@pytest.mark.parametrize("call_id", ["functions.read:0", "call 1", "", None, 7])
def test_an_id_that_claude_refuses_is_spelled_otherwise_the_same_each_time(call_id: Any) -> None:
    history = [USER, answer({**CALL, "id": call_id}), results({**RESULT, "tool_use_id": call_id})]
    first, notes = mended(*history)
    spelled = first[1]["content"][0]["id"]
    assert spelled.startswith("toolu_")
    assert first[2]["content"][0]["tool_use_id"] == spelled
    assert first[2]["content"][0]["content"] == (RESULT["content"] if isinstance(call_id, str) else "(no result)")
    assert "call_id_changed" in notes
    assert mended(*history)[0] == first


@pytest.mark.parametrize(
    ("given", "goes"),
    [('{"path":"a"}', {"path": "a"}), ("", {}), (None, {}), ("a b", {"value": "a b"}), ([1], {"value": [1]})],
)
def test_an_input_is_an_object(given: Any, goes: dict[str, Any]) -> None:
    history, notes = mended(USER, answer({**CALL, "input": given}), results(RESULT))
    assert history[1]["content"] == [{**CALL, "input": goes}]
    assert notes == ["arguments_repaired"]


def test_a_name_has_the_characters_that_claude_takes() -> None:
    history, notes = mended(USER, answer({**CALL, "name": "fs.read file"}), results(RESULT))
    assert history[1]["content"] == [{**CALL, "name": "fs_read_file"}]
    assert notes == ["tool_renamed"]


MADE_UP = {"type": "tool_result", "tool_use_id": "call_1", "content": "(no result)"}
TEXT = {"type": "text", "text": "And now?"}


@pytest.mark.parametrize(
    ("after", "goes", "notes"),
    [
        ([USER], [results(MADE_UP, {"type": "text", "text": "Read it."})], ["result_made_up"]),
        ([], [results(MADE_UP)], ["result_made_up"]),
        ([results(TEXT, RESULT)], [results(RESULT, TEXT)], []),
        ([results(TEXT), results(RESULT)], [results(RESULT, TEXT)], []),
        (
            [results(RESULT, {**RESULT, "tool_use_id": "gone"})],
            [
                results(
                    RESULT,
                    {"type": "text", "text": "(The result of a tool call that is not in this conversation:)"},
                    {"type": "text", "text": "42"},
                )
            ],
            ["result_orphaned"],
        ),
        ([results(RESULT, TEXT)], [results(RESULT, TEXT)], []),
    ],
)
def test_each_call_has_one_result_right_after_it(after: list[Any], goes: list[Any], notes: list[str]) -> None:
    assert mended(USER, answer(CALL), *after) == ([USER, answer(CALL), *goes], notes)


def test_results_of_parallel_calls_may_come_in_any_order() -> None:
    second = {**CALL, "id": "call_2"}
    history = [USER, answer(CALL, second), results({**RESULT, "tool_use_id": "call_2"}, RESULT, TEXT)]
    assert mended(*history) == (history, [])


def test_a_result_without_any_call_is_text() -> None:
    history, notes = mended(results(RESULT), answer(TEXT), USER)
    assert [block["type"] for block in history[0]["content"]] == ["text", "text"]
    assert notes == ["result_orphaned"]


def test_a_system_message_that_lost_its_place_is_a_reminder() -> None:
    """The turn after it held another model's thinking alone."""
    history = [USER, {"role": "system", "content": "Now."}, answer(FOREIGN), USER]
    made = call(history, model="claude-opus-5")
    text = {"type": "text", "text": "<system-reminder>\nNow.\n</system-reminder>"}
    assert sent(made)["messages"] == [USER, results(text), USER]
    assert list(made.notes) == ["thinking_dropped", "system_restated"]


def test_what_claude_takes_stays_to_the_letter() -> None:
    history = [
        USER,
        answer(CLAUDES, {"type": "text", "text": "I look."}, CALL),
        results(RESULT, TEXT),
        answer({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, TEXT),
        {"role": "user", "content": [{"type": "text", "text": " "}]},
        {"role": "assistant", "content": "  leading"},
        USER,
    ]
    assert mended(*history) == (history, [])
