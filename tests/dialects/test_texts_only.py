"""A request that is texts alone is sent as if somebody had looked for tools and blocks in it, to the byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.claude.blocks import holds_texts_only, text_block
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profiles import choices
from providers.errors import UnsupportedRequest
from tests.claude.anything import ANYTHING
from tests.claude.openai_chat import at
from tests.claude.wire import make_call, sent

BILLED = "x-anthropic-billing-header: cc_version=2"
SYSTEM = st.sampled_from([None, "", "Be kind.", BILLED, [text_block("a"), text_block("b")], [text_block(BILLED)], 1])
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "user", "assistant", "assistant", "system", "tool", None, ["user"]])},
        optional={"content": st.sampled_from(["", "a", "b", "a" * 99])},
    ),
    max_size=5,
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FIELDS = st.fixed_dictionaries(
    {"messages": MESSAGES, "max_tokens": st.sampled_from([0, 1, 64, 10**6])},
    optional={
        "system": SYSTEM,
        "stream": st.booleans(),
        "temperature": st.sampled_from([0, 1.0, "x"]),
        "top_k": st.just(3),
        "stop_sequences": st.sampled_from([[], ["a"], ["a", 1, "", "b", "c", "d", "e", "f"]]),
        "thinking": st.sampled_from([{"type": "disabled"}, {"type": "enabled", "budget_tokens": 5000}, None]),
        "output_config": st.sampled_from([{"effort": "low"}, {"format": {"type": "json_schema", "schema": SCHEMA}}]),
        "metadata": st.sampled_from([None, {"user_id": "u"}]),
        "tool_choice": st.sampled_from([{"type": "any"}, {"type": "none"}]),
        "cache_control": st.just({"type": "ephemeral"}),
        "service_tier": st.sampled_from(["auto", "standard_only", ""]),
        "container": st.sampled_from([None, "c"]),
        "max_completion_tokens": st.just(7),
        "seed": ANYTHING,
    },
)
CHAT = [("openai_chat", at(name)) for name, _ in choices() if name]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    (name, {}) for name in ("openai_responses", "gemini", "ollama", "anthropic")
]
MODELS = st.sampled_from(["m", "gpt-5.4", "anthropic/claude-sonnet-4", "deepseek-reasoner"])


def outcome(call: Call) -> Any:
    try:
        request = sent(call)
    except UnsupportedRequest as error:
        return str(error), list(call.notes), call.notes.paths
    return request, list(call.notes), call.notes.paths


@pytest.mark.parametrize(("dialect", "place"), [*CHAT, *OTHERS], ids=lambda value: value if type(value) is str else "")
@example({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "max_tokens": 9}, "m")
@given(FIELDS, MODELS)
def test_nothing_else_is_sent(dialect: str, place: dict[str, Any], body: dict[str, Any], model: str) -> None:
    arguments = {"session_id": "s", "secret": "k", "capabilities": ["thinking"], **place, "model": model}
    knowing = make_call(dialect, body, **arguments)
    asking = msgspec.structs.replace(make_call(dialect, body, **arguments), texts_only=False)
    assert outcome(knowing) == outcome(asking)


@pytest.mark.parametrize(
    ("body", "only"),
    [
        ({"messages": []}, True),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": ""}]}, True),
        ({"messages": [{"role": "user", "content": "a"}], "tools": []}, False),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": []}]}, False),
        ({"messages": [{"role": "user"}]}, False),
        ({"messages": ["a"]}, False),
        ({"messages": {"content": "a"}}, False),
        ({}, False),
    ],
)
def test_what_holds_texts_only(body: dict[str, Any], only: bool) -> None:
    assert holds_texts_only(body) is only
