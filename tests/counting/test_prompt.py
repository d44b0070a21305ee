"""What of a request is counted: every kind of block, and nothing that the model does not read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.counting.families import CLAUDE, CLAUDE_NEW, OTHER, Family
from providers.counting.media import PAGE_TOKENS
from providers.counting.prompt import Prompt
from providers.counting.tokenizer import count_tokens, pieces
from tests.claude.agent_bodies import bodies
from tests.counting import pictures

SENTENCE = "a sentence that is told to the model"


def text(value: str = SENTENCE) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": value}


def read(*blocks: Any, family: Family = OTHER, role: str = "user", **fields: Any) -> Prompt:
    """What is read of one message."""
    return Prompt({"messages": [{"role": role, "content": list(blocks)}], **fields}, family)


def tokens(*blocks: Any, family: Family = OTHER) -> int:
    """The tokens of blocks that are no text."""
    return read(*blocks, family=family).tokens - read(family=family).tokens


@pytest.mark.parametrize(
    "block",
    [
        text(),
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": SENTENCE}},
        {"type": "document", "source": {"type": "content", "content": [text()]}},
        {"type": "document", "source": {"type": "content", "content": SENTENCE}},
        {"type": "search_result", "title": "t", "source": "s", "content": [text()]},
        {"type": "tool_result", "tool_use_id": "t", "content": SENTENCE},
        {"type": "tool_result", "tool_use_id": "t", "content": [text()], "is_error": True},
        {"type": "mcp_tool_result", "tool_use_id": "t", "content": [text()]},
        {"type": "thinking", "thinking": SENTENCE, "signature": "c2ln" * 100},
        {"type": "compaction", "content": SENTENCE},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "t",
            "content": [{"type": "web_search_result", "title": SENTENCE}],
        },
        {"type": "something_new", "deep": {"inside": [SENTENCE, {"there": 7}]}},
    ],
    ids=lambda block: str(block["type"]),
)
def test_the_text_of_every_kind_of_block_is_counted_once(block: dict[str, Any]) -> None:
    assert read(block).texts.count(SENTENCE) == 1


def test_calls_and_tools_count_with_their_json() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    assert read(call, role="assistant").texts == ["Bash", '{"command":"ls"}']
    tool = {"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object", "properties": {}}}
    waiting = {**tool, "name": "Later", "defer_loading": True}
    assert read(text(), tools=[tool, waiting]).texts[:3] == ["Bash", "Runs it.", '{"type":"object","properties":{}}']
    assert "Later" not in read(text(), tools=[tool, waiting]).texts
    format = {"format": {"type": "json_schema", "schema": {"type": "object", "title": SENTENCE}}}
    assert SENTENCE in read(text(), output_config=format).texts[-1]


def test_claude_gets_a_tool_prompt_and_its_own_tools() -> None:
    tool = {"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object"}}
    own = {"type": "bash_20250124", "name": "bash"}
    base = read(text(), family=CLAUDE).tokens
    assert read(text(), family=CLAUDE, tools=[own]).tokens == base + 346 + 245
    with_tool = read(text(), family=CLAUDE, tools=[tool]).tokens
    forced = read(text(), family=CLAUDE, tools=[tool], tool_choice={"type": "any"}).tokens
    assert (with_tool - base, forced - with_tool) == (346 + 4, 313 - 346)
    assert read(text(), tools=[own]).tokens == read(text()).tokens


def test_media_count_wherever_they_stand() -> None:
    image = {"type": "image", "source": pictures.source(pictures.png(280, 280))}
    document = {"type": "document", "source": pictures.source(pictures.pdf(3), "application/pdf")}
    nested = {"type": "document", "source": {"type": "content", "content": [image]}}
    assert tokens(image) == 100
    assert tokens(document) == 3 * PAGE_TOKENS
    assert tokens(nested) == 100
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image, document]}
    assert tokens(result) == 100 + 3 * PAGE_TOKENS + 8
    elsewhere = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    assert tokens(elsewhere) == PAGE_TOKENS


def test_base64_is_never_counted_as_text() -> None:
    huge = {"type": "image", "source": pictures.source(pictures.png(100, 100) + "A" * 4_000_000)}
    assert read(huge).texts == []
    assert count_tokens({"messages": [{"role": "user", "content": [huge]}]}, "gpt-5.2") < 100


def test_thinking_of_earlier_turns_counts_where_the_model_keeps_it() -> None:
    def thought(word: str) -> dict[str, Any]:
        return {"role": "assistant", "content": [{"type": "thinking", "thinking": word, "signature": "c2ln"}, text()]}

    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}
    history = [
        {"role": "user", "content": "a"},
        thought("old"),
        {"role": "user", "content": "b"},
        thought("new"),
        result,
    ]
    for family, kept in ((OTHER, ["new"]), (CLAUDE, ["new"]), (CLAUDE_NEW, ["old", "new"])):
        texts = Prompt({"messages": history}, family).texts
        assert [word for word in texts if word in ("old", "new")] == kept


def test_what_only_claude_can_read_counts_for_claude() -> None:
    hidden = {"type": "redacted_thinking", "data": "x" * 600}
    assert (tokens(hidden), tokens(hidden, family=CLAUDE)) == (0, 100)


def test_the_billing_header_is_not_counted() -> None:
    system = [text("x-anthropic-billing-header: cc_version=1"), text("You are an agent.")]
    assert Prompt({"system": system, "messages": []}, OTHER).texts == ["You are an agent."]


@pytest.mark.parametrize("name", sorted(bodies("Hi")))
def test_bodies_of_agents_have_a_plausible_size(name: str) -> None:
    import msgspec

    body = bodies("Hi")[name]
    counted = count_tokens(body, "gpt-5.2")
    assert 0.05 < counted / len(msgspec.json.encode(body)) < 0.6


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
kinds = st.sampled_from(
    ["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result", "odd"]
)
odd_blocks = st.fixed_dictionaries(
    {"type": kinds},
    optional=dict.fromkeys(("text", "source", "content", "input", "thinking", "data", "name"), json_values),
)


@given(content=st.lists(odd_blocks, max_size=5), tools=json_values, system=json_values)
def test_odd_input_is_counted_without_complaint(content: Any, tools: Any, system: Any) -> None:
    body = {"messages": [{"role": "user", "content": content}], "tools": tools, "system": system}
    for model in ("gpt-5.2", "claude-opus-5-5"):
        assert count_tokens(body, model) >= 7


@given(st.text(max_size=300), st.integers(1, 400))
def test_pieces_are_the_text(text: str, times: int) -> None:
    assert "".join(pieces(text * times)) == text * times


def test_half_a_surrogate_pair_is_counted() -> None:
    assert count_tokens({"messages": [{"role": "user", "content": "half \ud83d of a smile"}]}, "gpt-5.2") > 7


def test_long_texts_are_counted_as_if_whole() -> None:
    line = "The quick brown fox jumps over the lazy dog, number 17.\n"
    once = count_tokens({"messages": [{"role": "user", "content": line}]}, "gpt-5.2") - 7
    many = count_tokens({"messages": [{"role": "user", "content": line * 5000}]}, "gpt-5.2") - 7
    assert many == pytest.approx(once * 5000, rel=0.01)
