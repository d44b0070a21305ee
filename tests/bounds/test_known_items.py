"""A conversation that goes on is read as if nothing of it were known, and refused for the very same reasons."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.claude.client_json import SHALLOW, decode_shallow
from providers.claude.history import lists
from providers.claude.history.item import KnownItem, encoded
from providers.claude.history.lists import KnownLists
from providers.dialects import DIALECTS
from providers.errors import UnsupportedRequest
from routing.facts.request_facts import gather
from streaming.budgets.estimate import caches
from streaming.ingress.claude import intake
from streaming.ingress.claude.errors import ClaudeError
from tests.claude.anything import ANYTHING
from tests.claude.wire import make_call, sent

Json = dict[str, Any]

PAD = "x" * 20_000
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls", "n": 10**30}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "é\n😀"}, IMAGE]}
CHANGE = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Bash"}}
MARKED = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
BLOCKS = st.sampled_from(
    [MARKED, {"type": "text", "text": "b"}, CALL, RESULT, IMAGE, CHANGE, {"type": "search_result", "content": []}]
)
MESSAGES = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "assistant", "user", "system"]),
        "content": st.one_of(st.sampled_from(["", "said"]), st.lists(BLOCKS, max_size=3)),
    }
)
BASH = {"name": "Bash", "description": "", "input_schema": {"type": "object", "$schema": "x"}}
TOOLS = st.sampled_from(
    [
        BASH,
        {"name": "n" * 90, "input_schema": {"properties": {"a": {"type": ["string", "null"]}}}, "strict": True},
        {"name": "Late", "input_schema": {"type": "object"}, "defer_loading": True},
        {"name": "web_search", "type": "web_search_20250305", "cache_control": {"type": "ephemeral"}},
        {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4"},
        {"name": "Nothing"},
    ]
)


def written(messages: Any, **fields: Any) -> bytes:
    body = {
        "model": "m",
        "max_tokens": 5,
        "tools": [BASH, {"name": "Read"}, BASH],
        "messages": messages,
        "system": PAD,
        **fields,
    }
    return msgspec.json.encode(body)


@contextmanager
def knowing(*bodies: bytes) -> Iterator[None]:
    """A worker that has read these and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "_known_lists", KnownLists(intake._is_valid))
        for body in bodies:
            intake.parse(body)
        yield


def read(body: bytes) -> Any:
    try:
        content, heavy = asyncio.run(intake.parsed(body))
    except ClaudeError as error:
        return error.status, error.code, error.message
    try:
        intake.check(content)
    except ClaudeError as error:
        return content, heavy, error.message
    return {"content": content, "heavy": heavy}


def known(content: Json) -> int:
    return sum(type(message) is KnownItem for message in content["messages"])


def answered(dialect: str, content: Json) -> Any:
    """All that a request becomes on its way to a provider."""
    call = make_call(dialect, content, model="m")
    try:
        request = sent(call)
    except UnsupportedRequest as error:
        return str(error), list(call.notes)
    return request.body, list(call.notes), call.notes.paths, gather(content, {}, 20_000), caches(content)


@given(
    st.lists(MESSAGES, min_size=1, max_size=6),
    st.lists(MESSAGES | ANYTHING, min_size=1, max_size=3),
    st.lists(TOOLS, max_size=4),
    st.lists(TOOLS | ANYTHING, max_size=2),
    st.sampled_from(sorted(DIALECTS)),
)
def test_a_conversation_that_goes_on_becomes_what_it_would_have_become(
    earlier: list[Json], later: list[Any], tools: list[Json], other_tools: list[Any], dialect: str
) -> None:
    body = written(earlier + later, tools=tools + other_tools)
    with knowing():
        expected = read(body)
    with knowing(written([*earlier, {"role": "user", "content": "the last"}], tools=tools)):
        for _ in range(2):
            found = read(body)
            assert found == expected
            if not isinstance(found, dict):
                continue
            content = found["content"]
            assert known(content) >= len(earlier)
            assert sum(type(tool) is KnownItem for tool in content["tools"]) >= len(tools) - 1
            assert encoded(content["messages"]) == msgspec.json.encode(content["messages"])
            before = copy.deepcopy(content)
            plain = msgspec.json.decode(body)
            assert answered(dialect, content) == answered(dialect, plain)
            assert content == before


EARLIER: list[Json] = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": [CALL]},
    {"role": "user", "content": [RESULT]},
]
MANY = [BASH, {"name": "Read"}, BASH]
NESTED = {"role": "user", "content": [{"type": "x", "tools": MANY, "messages": EARLIER}]}
LAST: list[Any] = [{"role": "user", "content": "last"}]
WARM = written(EARLIER + LAST)
LIST = WARM[WARM.index(b'"messages":') : WARM.index(b',"system"')]
END = LIST[-len('{"role":"user","content":"last"}]') :]


def deep(levels: int) -> Any:
    return msgspec.Raw(b"[" * levels + b"]" * levels)


@pytest.mark.parametrize(
    "body",
    [
        WARM,
        WARM.replace(b",", b", "),
        json.dumps(msgspec.json.decode(WARM)).encode(),
        WARM.replace(END, END[:-1] + b",]"),
        WARM.replace(END, b"]"),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":NaN}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"\xff"}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"\\ud800"}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"\\ud83d\\ude00"}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":[1e999]}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"x","n":1.5}]'),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"x","n":%b}]' % (b"1" * 4_000)),
        WARM.replace(END, END[:-1] + b',{"role":"user","content":"x","n":%b}]' % (b"1" * 5_000)),
        WARM.replace(END, END[:-1] + b',{"role":"user","role":"system","content":"x"}]'),
        WARM.replace(END, END[:-1] + b"}"),
        WARM[:-1],
        WARM + b"x",
        WARM.replace(b'"model"', LIST + b',"model"'),
        WARM.replace(b'"system"', b'"messages":[{"role":"user","content":"other"}],"system"'),
        WARM.replace(b'"system"', b'"messages":"other","system"'),
        WARM.replace(b'"system"', b'"mess\\u0061ges":[{"role":"user","content":"other"}],"system"'),
        WARM.replace(b'"model"', b'"messages":[{"role":"user","content":"\xff"}],"model"'),
        WARM.replace(b'"model"', b'"metadata":{%b},"model"' % LIST),
        WARM.replace(b'"messages"', b'"a\\"messages"'),
        WARM.replace(b'"messages"', b'"messages":[1],"metadata":{"messages"').replace(b"}],", b"}]},", 1),
        WARM.replace(b'"one"', b'"two"'),
        WARM.replace(b'"tools":[', b'"tools":[],"tools":['),
        WARM.replace(b'"system"', b'"tools":[1],"system"'),
        WARM.replace(b'"system"', b'"tools":{},"system"'),
        WARM.replace(b',{"name":"Read"}', b',{"name":"Read"'),
        WARM.replace(b',{"name":"Read"}', b',{"name":"Read"},1.5'),
        WARM.replace(b',{"name":"Read"}', b',{"name":"Other"}'),
        written([*EARLIER, {"role": "user", "content": [{"type": "x", "tools": MANY}]}, *LAST], tools=MANY),
        msgspec.json.encode({**msgspec.json.decode(WARM), "tools": MANY, "last": PAD}),
        msgspec.json.encode({"messages": EARLIER + LAST, "model": "m", "max_tokens": 1, "tools": MANY, "x": PAD}),
        msgspec.json.encode({"messages": [NESTED, *LAST], "model": "m", "max_tokens": 1, "tools": MANY, "x": PAD}),
        WARM.replace(b'"one"', b'"\xff"'),
        b"\xef\xbb\xbf" + WARM,
        b"[" + WARM + b"]",
        written([*EARLIER, {"role": "nobody", "content": ""}, *LAST]),
        written([*EARLIER, {"role": "user"}, *LAST]),
        written([*EARLIER, [], *LAST]),
        written(EARLIER + LAST, metadata=deep(SHALLOW + 1)),
        written(EARLIER + LAST, metadata=deep(1_000)),
        written([*EARLIER, {"role": "user", "content": [{"type": "x", "y": deep(SHALLOW - 5)}]}, *LAST]),
        written([*EARLIER, {"role": "user", "content": [{"type": "x", "y": deep(300)}]}, *LAST]),
        written([*EARLIER, {"role": "user", "content": [{"type": "x", "y": deep(100_000)}]}, *LAST]),
        written([*EARLIER, {"role": "user", "content": [{"type": "text"}] * 4_500}, *LAST]),
        written(EARLIER + LAST, temperature=0.5),
    ],
)
def test_whatever_comes_after_what_is_known_is_read_or_refused_all_the_same(body: bytes) -> None:
    with knowing():
        expected = read(body)
    with knowing(WARM):
        assert read(body) == expected
        assert read(body) == expected


def test_a_message_that_is_known_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def decode(body: bytes) -> Any:
        parsed.append(body)
        return decode_shallow(body)

    with knowing(WARM):
        monkeypatch.setattr(lists, "decode_shallow", decode)
        first, second = (intake.parse(WARM) for _ in range(2))
    assert all(len(body) < len(WARM) - len(msgspec.json.encode(EARLIER)) + 100 for body in parsed)
    for name, same in (("messages", [True, True, True, False]), ("tools", [True, True, False])):
        assert [one is other for one, other in zip(first[name], second[name], strict=True)] == same


def test_the_mark_of_a_request_that_knows_it_is_a_message_as_any_other() -> None:
    body = written([lists._MARKS["messages"], *LAST], metadata={"messages": EARLIER + LAST})
    with knowing():
        expected = read(body)
    with knowing(WARM):
        assert read(body) == expected


def test_a_body_is_heavy_however_much_of_it_is_known() -> None:
    body = written([{"role": "user", "content": [{"type": "text", "text": ""}] * 4_500}, *EARLIER, *LAST])
    with knowing(body):
        content, heavy = asyncio.run(intake.parsed(body))
    assert known(content) == 4
    assert heavy


def sizes(store: KnownLists) -> int:
    return sum(kept.size for alike in store._kept.values() for kept in alike)


def test_conversations_are_kept_within_a_limit() -> None:
    with knowing():
        store = intake._known_lists
        first = written([{"role": "user", "content": "first" * 1_000}, *EARLIER, *LAST])
        for number in range(400):
            intake.parse(written([{"role": "user", "content": f"{number}" + "y" * 90_000}, *EARLIER, *LAST]))
            assert known(intake.parse(first)) == 4 or number == 0
        assert len(store._kept) < 16 * 1024 * 1024 / 90_000
        assert store._size == sizes(store) <= 16 * 1024 * 1024


def test_many_small_values_count_as_the_memory_that_they_take() -> None:
    with knowing():
        store = intake._known_lists
        for number in range(60):
            dense = {"type": "x", "y": [[] for _ in range(60_000)]}
            intake.parse(
                written([{"role": "user", "content": f"{number}"}, {"role": "user", "content": [dense]}, *LAST])
            )
        big = [kept for alike in store._kept.values() for kept in alike if len(kept.items[-1].raw) > 100_000]
        assert 2 <= len(big) < 6
        assert store._size == sizes(store)


def test_of_conversations_that_begin_alike_a_few_are_known_and_one_that_goes_on_is_one() -> None:
    same = {"role": "user", "content": "z" * 1_000}
    with knowing():
        store = intake._known_lists
        for number in range(20):
            messages = [same, {"role": "assistant", "content": f"{number}"}, *EARLIER]
            for length in range(3, len(messages)):
                intake.parse(written(messages[:length] + LAST))
        (alike,) = (kept for head, kept in store._kept.items() if head.startswith(b'{"role"'))
        assert len(alike) <= 8
        assert store._size == sizes(store)
        assert known(intake.parse(written(messages + LAST))) == 5
        assert {len(conversation.items) for conversation in alike[-2:]} == {4, 5}
