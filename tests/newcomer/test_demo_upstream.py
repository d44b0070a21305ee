"""The demo upstream over a real socket: what each of its models does, answers and failures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from proxysite.demo.models import MODELS
from tests.newcomer.demo_client import chat_request, read_message, read_stream, running_demo


@pytest.fixture(scope="module")
def demo() -> Iterator[httpx.Client]:
    """A client of a running demo upstream."""
    with running_demo() as client:
        yield client


def test_text_comes_in_small_chunks_one_after_the_other(demo: httpx.Client) -> None:
    arrivals = []
    with demo.stream("POST", "/chat/completions", json=chat_request("demo", stream=True)) as answer:
        for _ in answer.iter_raw():
            arrivals.append(time.monotonic())
    assert len(arrivals) > 10
    assert arrivals[-1] - arrivals[0] > 0.2


def test_the_same_request_gets_the_same_answer(demo: httpx.Client) -> None:
    first, second = (demo.post("/chat/completions", json=chat_request("demo-fast")).content for _ in range(2))
    assert first == second


def test_it_repeats_the_prompt_and_can_add_up(demo: httpx.Client) -> None:
    assert "Hello there" in read_message(demo, chat_request("demo-fast"))["content"]
    assert "2 + 2 = 4" in read_message(demo, chat_request("demo-fast", "What is 2+2?"))["content"]


def test_usage_comes_last_in_a_chunk_of_its_own_if_it_is_wanted(demo: httpx.Client) -> None:
    assert all("usage" not in chunk for chunk in read_stream(demo, chat_request("demo-fast")))
    chunks = read_stream(demo, chat_request("demo-fast", stream_options={"include_usage": True}))
    assert [chunk["usage"] is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    usage = chunks[-1]["usage"]
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_it_thinks_when_asked_to(demo: httpx.Client) -> None:
    assert "reasoning_content" not in read_message(demo, chat_request("demo-fast", reasoning_effort="none"))
    assert read_message(demo, chat_request("demo-fast", reasoning_effort="medium"))["reasoning_content"]
    request = chat_request("demo-think")
    assert read_message(demo, request)["reasoning_content"]
    details = demo.post("/chat/completions", json=request).json()["usage"]["completion_tokens_details"]
    assert details["reasoning_tokens"] > 0


def test_max_tokens_and_stop_end_an_answer(demo: httpx.Client) -> None:
    cut = demo.post("/chat/completions", json=chat_request("demo-long", max_completion_tokens=3)).json()
    assert cut["choices"][0]["message"]["content"] == "word1 word2 word3 "
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 3
    stopped = demo.post("/chat/completions", json=chat_request("demo-long", stop=[" word4"])).json()
    assert stopped["choices"][0]["message"]["content"] == "word1 word2 word3"
    assert stopped["choices"][0]["finish_reason"] == "stop"


def test_a_long_answer_has_each_of_its_tokens(demo: httpx.Client) -> None:
    chunks = read_stream(demo, chat_request("demo-long", stream_options={"include_usage": True}))
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    words = [text for text in texts if text]
    assert "".join(words).split() == [f"word{number}" for number in range(1, 12_001)]
    assert len(words) == 12_000
    assert chunks[-1]["usage"]["completion_tokens"] == 12_000


def test_a_long_answer_is_as_long_as_asked(demo: httpx.Client) -> None:
    answer = demo.post("/chat/completions", json=chat_request("demo-long", "Please count to 15,000.")).json()
    assert answer["choices"][0]["message"]["content"].split()[-1] == "word15000"


def test_structured_output_follows_the_schema(demo: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "title", "schema": schema}}
    message = read_message(demo, chat_request("demo-fast", response_format=wanted))
    assert json.loads(message["content"]) == {"title": "demo"}


def test_slow_means_seconds_between_chunks(demo: httpx.Client) -> None:
    with demo.stream("POST", "/chat/completions", json=chat_request("demo-slow", stream=True)) as answer:
        chunks = answer.iter_raw()
        next(chunks)
        before = time.monotonic()
        next(chunks)
        assert time.monotonic() - before > 1


@pytest.mark.parametrize(
    ("model", "status", "retry_after"),
    [("demo-fail", 500, None), ("demo-rate-limit", 429, "3"), ("demo-overloaded", 503, "3")],
)
@pytest.mark.parametrize("stream", [True, False])
def test_refusals(demo: httpx.Client, model: str, status: int, retry_after: str | None, stream: bool) -> None:
    answer = demo.post("/chat/completions", json=chat_request(model, stream=stream))
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert model in answer.json()["error"]["message"]


def test_an_error_in_the_middle_of_astream(demo: httpx.Client) -> None:
    answer = demo.post("/chat/completions", json=chat_request("demo-fail-midstream", stream=True))
    events = [json.loads(event.removeprefix("data: ")) for event in answer.text.split("\n\n") if event]
    assert any(event["choices"][0]["delta"].get("content") for event in events[:-1])
    assert "midway" in events[-1]["error"]["message"]


def test_a_connection_that_is_cut(demo: httpx.Client) -> None:
    received = b""
    with demo.stream("POST", "/chat/completions", json=chat_request("demo-drop", stream=True)) as answer:
        chunks = answer.iter_raw()
        received += next(chunks)
        with pytest.raises(httpx.RemoteProtocolError):
            received += b"".join(chunks)
    assert b'"content"' in received


def test_what_is_wrong_with_a_request_is_shown(demo: httpx.Client) -> None:
    unknown = demo.post("/chat/completions", json=chat_request("gpt-99"))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert demo.post("/chat/completions", content=b"{no json").status_code == 400
    assert demo.post("/chat/completions", json={"model": "demo", "messages": []}).status_code == 400
    assert demo.get("/nothing").status_code == 404


def test_it_lists_its_models(demo: httpx.Client) -> None:
    assert [model["id"] for model in demo.get("/models").json()["data"]] == list(MODELS)
