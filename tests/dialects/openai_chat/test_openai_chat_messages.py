"""A Claude conversation as chat messages, case by case."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from providers.dialects.openai_chat import OPENAI_CHAT
from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, assistant, call_out, result, text, tool_out, use, user
from tests.claude.openai_chat import OPENAI, make_call, upstream_body

DEEPSEEK = "https://api.deepseek.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
MISTRAL = "https://api.mistral.ai/v1"


def sent(*messages: Json, system: Any = None, url: str = OPENAI, model: str = "gpt-4.1") -> list[Json]:
    """The messages that go out for these."""
    body = {"messages": list(messages)} if system is None else {"system": system, "messages": list(messages)}
    out: list[Json] = upstream_body(body, url=url, model=model, capabilities=["prefill"])["messages"]
    return out


BILLING = text(BILLING_TEXT)
HELLO = user("Hello")
HELLO_OUT: Json = {"role": "user", "content": "Hello"}
READING: list[Json] = [HELLO, assistant(use("t1"), use("t2", "Grep"))]
READING_OUT: list[Json] = [
    HELLO_OUT,
    {"role": "assistant", "content": None, "tool_calls": [call_out("t1"), call_out("t2", "Grep")]},
]

CASES: dict[str, tuple[list[Json], list[Json]]] = {
    "a string and one text block are the same": ([user(text("Hello", **MARK))], [HELLO_OUT]),
    "texts become paragraphs": ([user(text("a"), text(""), text("b"))], [{"role": "user", "content": "a\n\nb"}]),
    "a system message keeps its place": (
        [HELLO, {"role": "system", "content": [text("Env", **MARK)], "output_config": {}}, assistant(text("Hi"))],
        [HELLO_OUT, {"role": "system", "content": "Env"}, {"role": "assistant", "content": "Hi"}],
    ),
    "messages without anything are left out": ([HELLO, assistant(text("")), user("")], [HELLO_OUT]),
    "text and calls are one message": (
        [HELLO, assistant(text("I look."), use("t1", path="ü", b=[1], a=2)), user(result("t1"))],
        [
            HELLO_OUT,
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [call_out("t1", arguments='{"path":"ü","b":[1],"a":2}')],
            },
            tool_out("t1"),
        ],
    ),
    "assistant messages in a row are one": (
        [HELLO, assistant(use("t1")), assistant(use("t2", "Grep")), user(result("t1"), result("t2"))],
        [*READING_OUT, tool_out("t1"), tool_out("t2")],
    ),
    "results follow their calls in any order": (
        [*READING, user(text("And"), result("t2", "2"), result("t1", "1"), text("more"))],
        [*READING_OUT, tool_out("t1", "1"), tool_out("t2", "2"), {"role": "user", "content": "And\n\nmore"}],
    ),
    "results come together from several messages": (
        [*READING, user(result("t2", "2")), {"role": "system", "content": "S"}, user(result("t1", "1"), text("go"))],
        [
            *READING_OUT,
            tool_out("t1", "1"),
            tool_out("t2", "2"),
            {"role": "system", "content": "S"},
            {"role": "user", "content": "go"},
        ],
    ),
    "a missing result is made up": (
        [*READING, user(result("t2")), assistant(text("Hi"))],
        [*READING_OUT, tool_out("t1", "(no result)"), tool_out("t2"), {"role": "assistant", "content": "Hi"}],
    ),
    "calls at the very end get results too": (
        READING,
        [*READING_OUT, tool_out("t1", "(no result)"), tool_out("t2", "(no result)")],
    ),
    "a result without its call is text": (
        [user(result("gone", "lost"), text("Hi"))],
        [{"role": "user", "content": "(The result of a tool call that is not in this conversation:)\n\nlost\n\nHi"}],
    ),
    "a second result of one call is text": (
        [HELLO, assistant(use("t1")), user(result("t1", "1"), result("t1", "2"))],
        [
            HELLO_OUT,
            {"role": "assistant", "content": None, "tool_calls": [call_out("t1")]},
            tool_out("t1", "1"),
            {"role": "user", "content": "(The result of a tool call that is not in this conversation:)\n\n2"},
        ],
    ),
    "calls that share an id have a result each, and no id twice": (
        [HELLO, assistant(use("t1"), use("t1", "Grep")), user(result("t1", "1"), result("t1", "2"))],
        [
            HELLO_OUT,
            {"role": "assistant", "content": None, "tool_calls": [call_out("t1"), call_out("t1_2", "Grep")]},
            tool_out("t1", "1"),
            tool_out("t1_2", "2"),
        ],
    ),
    "an error says so once": (
        [*READING, user(result("t1", "Exit code 1", is_error=True), result("t2", "Error: no", is_error=True))],
        [*READING_OUT, tool_out("t1", "Error: Exit code 1"), tool_out("t2", "Error: no")],
    ),
    "an empty result says so": (
        [*READING, user(result("t1", ""), result("t2", []))],
        [*READING_OUT, tool_out("t1", "(no output)"), tool_out("t2", "(no output)")],
    ),
    "a loaded tool is named": (
        [*READING, user(result("t1", [{"type": "tool_reference", "tool_name": "Cron"}]), result("t2"))],
        [*READING_OUT, tool_out("t1", "Loaded tool Cron"), tool_out("t2")],
    ),
    "thinking is not told to a host that does not want it": (
        [HELLO, assistant({"type": "thinking", "thinking": "Hm", "signature": "s"}, text("Hi"))],
        [HELLO_OUT, {"role": "assistant", "content": "Hi"}],
    ),
    "what only Anthropic can read is left out": (
        [
            HELLO,
            assistant(
                {"type": "redacted_thinking", "data": "x"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "s",
                    "content": [{"type": "web_search_result", "url": "u"}],
                },
                text("Found."),
            ),
        ],
        [HELLO_OUT, {"role": "assistant", "content": "Found."}],
    ),
    "an unknown block with text is text, one without is left out": (
        [
            user({"type": "novel", "text": "new"}, {"type": "opaque", "data": 1}),
            assistant({"type": "compaction", "content": "sum"}),
        ],
        [{"role": "user", "content": "new"}, {"role": "assistant", "content": "sum"}],
    ),
    "text cut by thinking is whole again": (
        [HELLO, assistant(text("One "), {"type": "thinking", "thinking": "Hm"}, text("two."))],
        [HELLO_OUT, {"role": "assistant", "content": "One two."}],
    ),
}


@pytest.mark.parametrize(("messages", "out"), CASES.values(), ids=CASES)
def test_messages(messages: list[Json], out: list[Json]) -> None:
    before = copy.deepcopy(messages)
    assert sent(*messages) == out
    assert messages == before


@pytest.mark.parametrize(
    ("profile", "content"), [("openai", None), ("lmstudio", ""), ("llamacpp", ""), ("generic", "")]
)
def test_calls_alone_have_no_text_as_the_server_wants_it(profile: str, content: str | None) -> None:
    """LM Studio and llama-cpp-python refuse a null there."""
    sent = upstream_body({"messages": [*READING, user(result("t1"), result("t2"))]}, profile=profile)["messages"]
    assert sent[1]["content"] == content


def test_the_system_prompt_without_the_billing_header() -> None:
    assert sent(HELLO, system=[BILLING, text("You are an agent.", **MARK), text("Work.", **MARK)])[0] == {
        "role": "system",
        "content": "You are an agent.\n\nWork.",
    }
    assert sent(HELLO, system="Work.")[0] == {"role": "system", "content": "Work."}
    assert sent(HELLO, system=[BILLING]) == [HELLO_OUT]


def test_thinking_goes_back_where_it_is_wanted() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": ""}
    messages = [HELLO, assistant(thought, use("t1")), user(result("t1")), assistant(use("t2")), user(result("t2"))]
    out = sent(*messages, url=DEEPSEEK, model="deepseek-reasoner")
    assert [message.get("reasoning_content") for message in out if message["role"] == "assistant"] == ["Hm", " "]
    out = sent(*messages, url=OPENROUTER, model="z-ai/glm-5")
    assert [message.get("reasoning") for message in out if message["role"] == "assistant"] == ["Hm", None]
    out = sent(*messages, url=OPENROUTER, model="anthropic/claude-opus-4.5")
    assert not any("reasoning" in message for message in out)


def test_cache_marks_stay_where_they_work() -> None:
    long_mark = {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}}
    kept = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    messages = [user(text("Hello", **MARK)), assistant(use("t1")), user(result("t1", **MARK))]
    out = sent(*messages, system=[text("S", **long_mark)], url=OPENROUTER, model="anthropic/claude-opus-4.5")
    assert out[0] == {"role": "system", "content": [text("S", **kept)]}
    assert out[1] == {"role": "user", "content": [text("Hello", **MARK)]}
    assert out[3] == {"role": "tool", "tool_call_id": "t1", "content": [text("ok", **MARK)]}
    for url, model in ((OPENROUTER, "z-ai/glm-5"), (OPENAI, "claude")):
        body = {"system": [text("S", **MARK)], "messages": messages, "cache_control": {"type": "ephemeral"}}
        assert b"cache_control" not in OPENAI_CHAT.request(make_call(body, url=url, model=model)).body


def test_call_ids_fit_the_host_and_stay_paired() -> None:
    messages = [HELLO, assistant(use("x" * 60)), user(result("x" * 60))]
    out = sent(*messages)
    assert out[1]["tool_calls"][0]["id"] == out[2]["tool_call_id"]
    assert len(out[2]["tool_call_id"]) <= 40
    out = sent(HELLO, assistant(use("toolu_01A"), use("gSIMJiOkT")), user(result("gSIMJiOkT")), url=MISTRAL)
    assert [call["id"] for call in out[1]["tool_calls"]] == [message["tool_call_id"] for message in out[2:]]
    assert all(len(message["tool_call_id"]) == 9 and message["tool_call_id"].isalnum() for message in out[2:])
    assert out[3]["tool_call_id"] == "gSIMJiOkT"


def test_a_host_without_system_messages_in_the_middle_hears_them_from_the_user() -> None:
    out = sent(HELLO, {"role": "system", "content": "Env"}, assistant(text("Hi")), system="S", url=MISTRAL)
    assert [message["role"] for message in out] == ["system", "user", "user", "assistant"]
    assert out[2]["content"] == "<system-reminder>\nEnv\n</system-reminder>"
