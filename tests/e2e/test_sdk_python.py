"""The official `anthropic` Python SDK against a running server; it checks every field and raises on a wrong type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.script import CUT, Reply
from tests.harness.upstream import Upstream

TOOLS: list[Any] = [
    {"name": "get_weather", "description": "The weather.", "input_schema": {"type": "object", "properties": {}}}
]


@pytest.fixture(scope="module")
def sdk(gateway: Gateway, standing: Standing) -> Iterator[anthropic.Anthropic]:
    """The strict SDK with the standing key, without retries."""
    with anthropic.Anthropic(
        base_url=gateway.base_url, api_key=standing.key.secret, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def _ask(standing: Standing, dialect: str, prompt: Any, **fields: Any) -> dict[str, Any]:
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return {"model": standing.routes[dialect].name, "max_tokens": 1000, "messages": messages, **fields}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_streaming_text(dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.answer(dialect, "Hello from upstream"))
    with sdk.messages.stream(**_ask(standing, dialect, script.prompt)) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == "Hello from upstream"
    assert final.stop_reason == "end_turn"
    fresh, cached, output = speak.counts(dialect)
    assert (final.usage.input_tokens, final.usage.output_tokens) == (fresh, output)
    assert (final.usage.cache_read_input_tokens or 0) == (cached or 0)
    assert final.id.startswith("msg_")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_raw_events(dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.answer(dialect))
    with sdk.messages.create(**_ask(standing, dialect, script.prompt), stream=True) as events:
        kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_streaming(dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.answer(dialect, "All at once"))
    final = sdk.messages.create(**_ask(standing, dialect, script.prompt))
    assert [block.type for block in final.content] == ["text"]
    assert final.content[0].to_dict()["text"] == "All at once"
    assert final.usage.output_tokens == 7
    assert final._request_id is not None
    assert final._request_id.startswith("req_")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_thinking_and_parallel_tools_then_their_results(
    dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream
) -> None:
    turn = speak.reply(
        dialect,
        speak.Thinking("Two cities."),
        speak.call("get_weather", '{"city":', ' "Paris"}', id="call_a"),
        speak.call("get_weather", '{"city": "Rome"}', id="call_b"),
    )
    script = upstream.script(turn, speak.answer(dialect, "Sun and rain."))
    first = {"role": "user", "content": script.prompt}
    with sdk.messages.stream(**_ask(standing, dialect, [first], tools=TOOLS)) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "tool_use", "tool_use"]
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert message.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": weather}]}
        for call, weather in zip(calls, ("sun", "rain"), strict=True)
    ]
    history = [first, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    final = sdk.messages.create(**_ask(standing, dialect, history, tools=TOOLS))
    assert final.content[0].to_dict()["text"] == "Sun and rain."
    sun, rain = speak.results(dialect, script.seen[1].body)
    assert ("sun" in sun, "rain" in rain) == (True, True)
    if dialect == "anthropic":
        sent = script.seen[1].body["messages"]
        assert sent[1]["content"][0] == {"type": "thinking", "thinking": "Two cities.", "signature": "c2lnbmF0dXJl"}


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_count_tokens(dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"input_tokens": 33}'], headers={"content-type": "application/json"}))
    messages: list[Any] = [{"role": "user", "content": script.prompt}]
    counted = sdk.messages.count_tokens(model=standing.routes[dialect].name, messages=messages)
    assert counted.input_tokens == 33 if dialect == "anthropic" else counted.input_tokens > 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_at_its_limit_and_a_call_without_arguments(
    dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream
) -> None:
    cut = upstream.script(speak.reply(dialect, speak.text("Once upon a"), finish="length"))
    assert sdk.messages.create(**_ask(standing, dialect, cut.prompt)).stop_reason == "max_tokens"
    bare = upstream.script(speak.reply(dialect, speak.call("get_weather")))
    with sdk.messages.stream(**_ask(standing, dialect, bare.prompt, tools=TOOLS)) as stream:
        calls = [block for block in stream.get_final_message().content if block.type == "tool_use"]
    assert [called.input for called in calls] == [{}]


def test_models_are_listed_page_by_page_and_found_by_id(sdk: anthropic.Anthropic, standing: Standing) -> None:
    ids = [model.id for model in sdk.models.list(limit=2)]
    assert {route.name for route in standing.routes.values()} <= set(ids)
    assert len(ids) == len(set(ids))
    assert sdk.models.retrieve(ids[0]).id == ids[0]
    with pytest.raises(anthropic.NotFoundError):
        sdk.models.retrieve("vendor/no-such:model")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.InternalServerError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (413, anthropic.RequestTooLargeError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.OverloadedError),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_error_class_of_an_upstream(
    dialect: str, status: int, error: type[anthropic.APIStatusError], stream: bool,
    sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream,
) -> None:  # fmt: skip
    script = upstream.script(speak.refusal(dialect, status, "The reason."))
    with pytest.raises(error) as caught:
        sdk.messages.create(**_ask(standing, dialect, script.prompt), stream=stream)
    assert caught.value.request_id is not None
    assert caught.value.type is not None
    assert status == 401 or caught.value.api_message == "The reason."


def test_the_gateways_own_error_classes(sdk: anthropic.Anthropic, standing: Standing, gateway: Gateway) -> None:
    with pytest.raises(anthropic.NotFoundError, match="no-such-route"):
        sdk.messages.create(model="no-such-route", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        sdk.messages.create(**_ask(standing, "openai_chat", []))
    with pytest.raises(anthropic.NotFoundError):
        sdk.messages.batches.list()
    wrong = sdk.with_options(api_key="sk-px-wrong")
    with pytest.raises(anthropic.AuthenticationError, match="unknown"):
        wrong.models.list()
    old_style = sdk.with_options(default_headers={"x-api-key": standing.key.secret}, api_key="sk-px-wrong")
    assert old_style.models.list().data


def test_time_outs_are_the_sdks_time_out_class(
    sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(Reply([b": thinking\n\n", "hang"]))
    with pytest.raises(anthropic.APIStatusError) as caught:
        sdk.messages.create(**_ask(standing, "begins", script.prompt))
    assert (caught.value.status_code, caught.value.type) == (504, "timeout_error")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failure_inside_the_stream_raises_and_is_never_a_short_answer(
    dialect: str, sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream
) -> None:
    for last in (speak.error_in_stream(dialect, "fell over"), CUT):
        script = upstream.script(Reply([speak.opening(dialect, "Half"), last]))
        with (
            pytest.raises(anthropic.APIStatusError) as caught,
            sdk.messages.stream(**_ask(standing, dialect, script.prompt)) as stream,
        ):
            stream.get_final_message()
        assert caught.value.type in {"api_error", "overloaded_error"}


def test_the_sdk_retries_what_it_should(sdk: anthropic.Anthropic, standing: Standing, upstream: Upstream) -> None:
    busy = speak.refusal("openai_chat", 529, "busy", headers={"retry-after-ms": "1", "retry-after": "1"})
    script = upstream.script(busy, speak.chat_answer("second time"))
    final = sdk.with_options(max_retries=1).messages.create(**_ask(standing, "openai_chat", script.prompt))
    assert final.content[0].to_dict()["text"] == "second time"
    refused = upstream.script(speak.refusal("openai_chat", 401, "no"))
    with pytest.raises(anthropic.InternalServerError):
        sdk.with_options(max_retries=2).messages.create(**_ask(standing, "openai_chat", refused.prompt))
    assert len(refused.seen) == 1
