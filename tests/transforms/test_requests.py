"""What each transform does to a request; the request that it was given stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from providers.config import TransformConfig
from providers.events import Event, TextDelta, ThinkingDelta
from providers.transforms import REGISTRY, TransformError, compile_chain, compile_chain_of, skipped_names
from providers.transforms.registry import FOREIGN_NAMES
from tests.claude.wire import make_call, sent_body
from tests.transforms.cutting import END, edits_of, through

MARK = {"cache_control": {"type": "ephemeral"}}
SIGNED = {"type": "thinking", "thinking": "why", "signature": "s"}
TEXT = {"type": "text", "text": "so"}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def user(text: str = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def edited(name: str, request: dict[str, Any], **options: Any) -> dict[str, Any]:
    before = copy.deepcopy(request)
    result = compile_chain([{"name": name, "options": options}]).edited(request)
    assert request == before
    return result


@pytest.mark.parametrize(
    ("name", "options", "request_", "changed"),
    [
        ("maxtoken", {"limit": 100}, {"max_tokens": 500}, {"max_tokens": 100}),
        ("maxtoken", {"limit": 100}, {"max_tokens": 50}, {}),
        ("maxtoken", {"limit": 100}, {"max_tokens": 0}, {}),
        ("maxtoken", {"limit": 100}, {}, {"max_tokens": 100}),
        ("sampling", {}, {"temperature": 1, "max_tokens": 9}, {}),
        ("sampling", {"temperature": 0.2, "top_p": 0.5}, {"temperature": 1}, {"temperature": 0.2, "top_p": 0.5}),
        ("sampling", {"top_k": 20, "repetition_penalty": 1.1}, {}, {"top_k": 20, "repetition_penalty": 1.1}),
        ("sampling", {"max_tokens": 100}, {"max_tokens": 500}, {"max_tokens": 100}),
        ("sampling", {"max_tokens": 100}, {"max_tokens": 50}, {}),
        ("streamoptions", {}, {}, {"stream_options": {"include_usage": True}}),
        ("streamoptions", {"include_usage": False}, {}, {"stream_options": {"include_usage": False}}),
        (
            "streamoptions",
            {},
            {"stream_options": {"obfuscation": False}},
            {"stream_options": {"obfuscation": False, "include_usage": True}},
        ),
        ("customparams", {"params": {"a": 1, "b": 2}}, {"a": 9, "c": 3}, {"a": 1, "b": 2}),
        (
            "customparams",
            {"params": {"o": {"x": 1, "y": {"z": 2}}}},
            {"o": {"x": 9, "y": {"z": 9, "w": 8}, "v": 7}},
            {"o": {"x": 1, "y": {"z": 2, "w": 8}, "v": 7}},
        ),
        ("customparams", {"params": {"o": {"x": 1}}}, {"o": 5}, {"o": {"x": 1}}),
        ("customparams", {"params": {"o": [1]}}, {"o": [2]}, {"o": [1]}),
        ("reasoning", {}, {"thinking": {"type": "adaptive"}}, {}),
        ("reasoning", {"enable": True}, {}, {"thinking": {"type": "adaptive"}}),
        ("reasoning", {"enable": True}, {"thinking": {"type": "disabled"}}, {"thinking": {"type": "adaptive"}}),
        ("reasoning", {"enable": True}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {}),
        (
            "reasoning",
            {"enable": True, "budget": 4000},
            {"max_tokens": 8000},
            {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        ),
        (
            "reasoning",
            {"enable": True, "budget": 4000},
            {"max_tokens": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 1999}},
        ),
        ("reasoning", {"enable": False}, {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}),
        ("reasoning", {"tell": "enable_thinking"}, {}, {}),
        ("reasoning", {"tell": "enable_thinking"}, {"thinking": {"type": "adaptive"}}, {"enable_thinking": True}),
        (
            "reasoning",
            {"tell": "chat_template_kwargs", "enable": False},
            {"chat_template_kwargs": {"a": 1}},
            {"thinking": {"type": "disabled"}, "chat_template_kwargs": {"a": 1, "enable_thinking": False}},
        ),
        (
            "reasoning",
            {"history": "drop"},
            {"messages": [user(), assistant(SIGNED, TEXT), user(), assistant(SIGNED), user()]},
            {"messages": [user(), assistant(TEXT), user(), user()]},
        ),
    ],
)
def test_what_becomes_of_a_request(
    name: str, options: dict[str, Any], request_: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert edited(name, request_, **options) == {**request_, **changed}


def test_every_cache_mark_goes_but_the_users_own_data_stays() -> None:
    schema = {"type": "object", "properties": {"cache_control": {"type": "string"}}}
    call = {"type": "tool_use", "id": "1", "name": "t", "input": {"cache_control": "mine"}}
    request = {
        **MARK,
        "system": [{**TEXT, **MARK}],
        "tools": [{"name": "t", "input_schema": schema, **MARK}],
        "messages": [assistant({**call, **MARK})],
    }
    assert edited("cleancache", request) == {
        "system": [TEXT],
        "tools": [{"name": "t", "input_schema": schema}],
        "messages": [assistant(call)],
    }


def forced(turns: int, replay: int = 10, **fields: Any) -> dict[str, Any]:
    history = [
        message for number in range(turns) for message in (user(), assistant({**SIGNED, "thinking": f"t{number}"}))
    ]
    request = {"messages": [*history, user("last")], "max_tokens": 100, **fields}
    return edited("forcereasoning", request, replay=replay)


def replayed(request: dict[str, Any]) -> list[str]:
    """The numbers of the turns whose thinking goes back."""
    texts = [block["text"] for m in request["messages"] if m["role"] == "assistant" for block in m["content"]]
    return [text.removeprefix("<reasoning_content>\nt").removesuffix("\n</reasoning_content>\n") for text in texts]


@pytest.mark.parametrize("system", [None, "", "Be brief.", [TEXT]])
def test_thinking_is_asked_for_in_words(system: Any) -> None:
    request = forced(0, system=system, thinking={"type": "adaptive"})
    assert "<reasoning_content>" in request["system"][-1]["text"]
    assert len(request["system"]) == (2 if system else 1)
    assert "thinking" not in request
    assert "<reasoning_content>" in str(sent_body(make_call("openai_chat", request))["messages"][0])


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "disabled"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
)
def test_thinking_is_not_forced_where_it_would_do_harm(fields: dict[str, Any]) -> None:
    request = {"messages": [user(), assistant(SIGNED, TEXT)], **fields}
    assert edited("forcereasoning", request) == request


def test_earlier_thinking_goes_back_in_tags() -> None:
    redacted = {"type": "redacted_thinking", "data": "x"}
    request = edited("forcereasoning", {"messages": [user(), assistant(SIGNED, redacted, TEXT), user()]})
    tagged = {"type": "text", "text": "<reasoning_content>\nwhy\n</reasoning_content>\n"}
    assert request["messages"] == [user(), assistant(tagged, TEXT), user()]


@pytest.mark.parametrize(("turns", "replay", "back"), [(3, 10, 3), (10, 10, 10), (11, 10, 6), (15, 10, 10), (3, 0, 0)])
def test_only_the_last_thinking_goes_back(turns: int, replay: int, back: int) -> None:
    assert replayed(forced(turns, replay)) == [str(number) for number in range(turns - back, turns)]


def test_what_the_upstream_has_cached_stays_good_for_some_turns() -> None:
    firsts = [replayed(forced(turns))[0] for turns in range(11, 31)]
    assert firsts == [first for first in ("5", "10", "15", "20") for _ in range(5)]


def test_the_limit_goes_by_its_other_name() -> None:
    body = sent_body(make_call("openai_chat", edited("maxcompletiontokens", {"messages": [], "max_tokens": 50})))
    assert (body.get("max_tokens"), body["max_completion_tokens"]) == (None, 50)
    lowered = make_call("openai_chat", edited("maxcompletiontokens", {"messages": [], "max_tokens": 50}), max_output=20)
    assert sent_body(lowered)["max_completion_tokens"] == 20
    # Zero is the wish to warm a cache, which is answered here.
    assert edited("maxcompletiontokens", {"max_tokens": 0}) == {"max_tokens": 0}


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "maxtoken"}, "maxtoken: Object missing required field `limit`"),
        ({"name": "maxtoken", "options": {"limit": 0}}, "maxtoken: "),
        ({"name": "cleancache", "options": {"x": 1}}, "cleancache: Object contains unknown field `x`"),
        ({"name": "reasoning", "options": {"history": "burn"}}, "reasoning: Invalid enum value 'burn'"),
        ({"name": "extrathinktag", "options": {"tag": "<think>"}}, "extrathinktag: "),
        ({"name": "maxtokens"}, "There is no transform 'maxtokens'. There are: cleancache, "),
        ({"name": "deepseek"}, "deepseek is not a transform here: choose the profile deepseek."),
        ({"name": "Anthropic"}, "Anthropic is not a transform here: choose the dialect anthropic."),
        ({"nam": "maxtoken"}, "Each entry is an object with a name"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_in_words(entry: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TransformError) as refused:
        compile_chain([entry])
    assert str(refused.value).startswith(complaint)


def test_no_name_is_both_here_and_elsewhere() -> None:
    assert not REGISTRY.keys() & FOREIGN_NAMES.keys()


def test_who_changes_the_request_last_sees_the_answer_first() -> None:
    chain = [{"name": "extrathinktag", "options": {"tag": tag}} for tag in ("outer", "inner")]
    events: list[Event] = [TextDelta("<inner>a</inner><outer>b</outer>so"), END]
    assert through(edits_of(chain), [events]) == [ThinkingDelta("ab"), TextDelta("so"), END]


def test_where_blocks_pass_verbatim_only_plain_edits_are_left() -> None:
    chain = [TransformConfig(name) for name in ("tooluse", "cleancache", "forcereasoning", "enhancetool")]
    compiled = compile_chain_of(chain, verbatim=True)
    assert (len(compiled.requests), len(compiled.streams)) == (1, 0)
    assert skipped_names(chain) == ["tooluse", "forcereasoning", "enhancetool"]
