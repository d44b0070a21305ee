"""An answer that the request begins, as every provider takes it; what it repeats of it, the client does not get."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import DIALECTS
from providers.dialects.openai_chat.profiles import choices
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageFinished, MessageStarted, StreamFailed, TextDelta, ToolCallStarted
from providers.fidelity import Fidelity
from providers.transforms.echo import EchoCut
from providers.translation import Translation, continues_answers
from tests.claude.wire import make_call, sent, sent_body

Json = dict[str, Any]
ASK: Json = {"role": "user", "content": "Write JSON."}
BEGUN: Json = {"role": "assistant", "content": "{"}
PROFILES = [name for name, _ in choices() if name]
RESTATED = Fidelity.PREFILL_RESTATED
GO_ON = "Your last message is the beginning of your answer. Go on exactly where it stops"


def prefilled(profile: str, *, model: str = "a-model", capabilities: tuple[str, ...] = (), **fields: Any) -> Json:
    body = {"max_tokens": 10, "messages": [ASK, BEGUN], **fields}
    return sent_body(make_call("openai_chat", body, profile=profile, model=model, capabilities=capabilities))


@pytest.mark.parametrize(
    ("profile", "last", "fields"),
    [
        ("mistral", {**BEGUN, "prefix": True}, {}),
        ("deepseek", {**BEGUN, "prefix": True}, {}),
        ("moonshot", {**BEGUN, "partial": True}, {}),
        ("qwen", {**BEGUN, "partial": True}, {}),
        ("vllm", BEGUN, {"continue_final_message": True, "add_generation_prompt": False}),
        ("sglang", BEGUN, {"continue_final_message": True, "add_generation_prompt": False}),
        ("llamacpp", BEGUN, {"continue_final_message": True, "add_generation_prompt": False}),
        ("openrouter", BEGUN, {}),
        ("groq", BEGUN, {}),
        ("ollama", BEGUN, {}),
        ("generic", BEGUN, {}),
    ],
)
def test_each_server_has_its_own_way(profile: str, last: Json, fields: Json) -> None:
    body = prefilled(profile)
    assert body["messages"][-1] == last
    names = ("continue_final_message", "add_generation_prompt")
    assert {name: body[name] for name in names if name in body} == fields


@pytest.mark.parametrize("profile", ["openai", "azure", "perplexity"])
def test_who_cannot_is_asked_to_go_on(profile: str) -> None:
    call = make_call("openai_chat", {"messages": [ASK, BEGUN]}, profile=profile)
    *_, begun, asked = sent_body(call)["messages"]
    assert (begun, asked["role"]) == (BEGUN, "user")
    assert asked["content"].startswith(GO_ON)
    assert RESTATED in call.notes
    assert prefilled(profile, capabilities=("prefill",))["messages"][-1] == BEGUN


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "messages",
    [
        [ASK],
        [ASK, BEGUN, ASK],
        [ASK, {"role": "assistant", "content": []}],
        [ASK, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}],
    ],
    ids=["none", "over", "empty", "a call"],
)
def test_where_nothing_is_begun_nothing_is_added(profile: str, messages: list[Json]) -> None:
    call = make_call("openai_chat", {"messages": messages}, profile=profile)
    request = sent(call)
    assert not [word for word in (b'"prefix"', b'"partial"', b"continue_final", GO_ON.encode()) if word in request.body]
    assert (request.path, request.echo) == ("/chat/completions", "")
    assert RESTATED not in call.notes


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.deepseek.com", "/beta/chat/completions"),
        ("https://api.deepseek.com/v1", "/../beta/chat/completions"),
        ("https://api.deepseek.com/beta", "/chat/completions"),
        ("https://proxy.example.com/v1", "/chat/completions"),
    ],
)
def test_deepseek_takes_it_at_its_beta_address(url: str, path: str) -> None:
    call = make_call("openai_chat", {"messages": [ASK, BEGUN]}, url=url, profile="deepseek")
    assert sent(call).path == path


@pytest.mark.parametrize(
    ("profile", "model", "capabilities", "off"),
    [
        ("moonshot", "kimi-k2.6", (), {"thinking": {"type": "disabled"}}),
        ("qwen", "qwen3-max", ("thinking",), {"enable_thinking": False}),
        ("vllm", "qwen3", ("thinking",), {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
        ("deepseek", "deepseek-v4", (), {"thinking": {"type": "disabled"}}),
    ],
)
def test_what_goes_on_does_not_think_first(profile: str, model: str, capabilities: tuple[str, ...], off: Json) -> None:
    body = prefilled(profile, model=model, capabilities=capabilities)
    assert {name: body[name] for name in off} == off
    over = sent_body(
        make_call("openai_chat", {"messages": [ASK]}, profile=profile, model=model, capabilities=capabilities)
    )
    assert not set(off) & set(over)


@pytest.mark.parametrize("profile", ["mistral", "vllm", "moonshot", "openrouter"])
def test_a_request_that_wants_thinking_is_asked_to_go_on(profile: str) -> None:
    body = prefilled(profile, thinking={"type": "enabled", "budget_tokens": 1024})
    assert body["messages"][-1]["content"].startswith(GO_ON)
    assert "prefix" not in body["messages"][-2]


def test_a_tool_choice_in_words_does_not_follow_the_beginning() -> None:
    tool = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
    body = prefilled("moonshot", tools=[tool], tool_choice={"type": "any"})
    assert body["messages"][-1] == {**BEGUN, "partial": True}
    assert "one of your tools" in body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("dialect", "model", "goes_on"),
    [
        ("gemini", "gemini-2.5-flash", True),
        ("gemini", "gemini-3.1-pro", True),
        ("gemini", "gemini-3.6-flash", False),
        ("gemini", "gemma-3", False),
        ("openai_responses", "gpt-5", False),
    ],
)
def test_the_other_dialects(dialect: str, model: str, goes_on: bool) -> None:
    """Newer Gemini models refuse a request that ends with a model's turn; the Responses API begins a new message."""
    call = make_call(dialect, {"messages": [ASK, BEGUN]}, model=model)
    assert (GO_ON.encode() in sent(call).body, RESTATED in call.notes) == (not goes_on, not goes_on)
    able = make_call(dialect, {"messages": [ASK, BEGUN]}, model=model, capabilities=["prefill"])
    assert GO_ON.encode() not in sent(able).body


@pytest.mark.parametrize(
    ("dialect", "options", "able"),
    [
        ("openai_chat", {"profile": "mistral"}, True),
        ("openai_chat", {"profile": "vllm"}, True),
        ("openai_chat", {"profile": "generic"}, False),
        ("openai_chat", {"profile": "openai"}, False),
        ("gemini", {"model": "gemini-2.5-pro"}, True),
        ("openai_responses", {}, False),
        ("anthropic", {}, False),
        ("ollama", {}, False),
    ],
    ids=str,
)
def test_what_a_continuation_may_count_on(dialect: str, options: Json, able: bool) -> None:
    call = make_call(dialect, **options)
    assert continues_answers(call.provider, call.model) is able
    marked = msgspec.structs.replace(call.model, capabilities=frozenset({"prefill"}))
    assert continues_answers(call.provider, marked) is True


def test_every_dialect_says_it() -> None:
    assert all(
        isinstance(dialect.continues(make_call(name).provider, make_call(name).model), bool)
        for name, dialect in DIALECTS.items()
    )


STARTED, FINISHED = MessageStarted(), MessageFinished("end_turn")


@given(beginning=st.sampled_from(["{", "One, two", "aab"]), rest=st.text("a{O,", max_size=4), data=st.data())
def test_what_is_repeated_is_cut_however_it_comes(beginning: str, rest: str, data: st.DataObject) -> None:
    whole = beginning + rest
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(whole) - 1)))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    events: list[Event] = [STARTED, *(TextDelta(piece) for piece in pieces if piece), FINISHED]
    edit = EchoCut(beginning)
    given_out = [out for event in events for out in edit.feed([event])]
    assert "".join(event.text for event in given_out if isinstance(event, TextDelta)) == rest
    assert (given_out[0], given_out[-1]) == (STARTED, FINISHED)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([TextDelta("On"), TextDelta("ly")], [TextDelta("Only")]),
        ([TextDelta("On"), FINISHED], [TextDelta("On"), FINISHED]),
        ([ToolCallStarted(0, "t", "f"), TextDelta("One")], [ToolCallStarted(0, "t", "f"), TextDelta("One")]),
        ([TextDelta("One"), FINISHED], [FINISHED]),
    ],
)
def test_what_is_no_repetition_stays(events: list[Event], expected: list[Event]) -> None:
    assert EchoCut("One").feed(events) == expected


def test_a_failure_leaves_nothing_of_it() -> None:
    failed = StreamFailed(UpstreamError(ErrorKind.TRUNCATED, "x"))
    assert EchoCut("One").feed([TextDelta("On"), failed]) == [failed]


def test_mistrals_answer_comes_without_the_beginning() -> None:
    call = make_call("openai_chat", {"messages": [ASK, BEGUN]}, profile="mistral")
    translation = Translation(call)
    asyncio.run(translation.request())
    decoder = translation.decoder("text/event-stream")
    chunk = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"{\\"a\\": 1}"},"finish_reason":"stop"}]}\n\n'
    events = decoder.feed(chunk + b"data: [DONE]\n\n") + decoder.close()
    assert [event.text for event in events if isinstance(event, TextDelta)] == ['"a": 1}']
