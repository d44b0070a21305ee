"""The guess that routing works with: cheap, blind to base64, and taught by what the provider told last."""

from __future__ import annotations

import time

import msgspec
import pytest

from providers.counting.weight import Weight, weigh
from routing.facts import request_facts
from routing.facts.request_facts import TokenRatios, estimate
from tests.claude.agent_bodies import bodies
from tests.counting import pictures


def test_a_picture_weighs_its_tokens_and_not_its_bytes() -> None:
    image = {"type": "image", "source": pictures.source("A" * 5_000_000)}
    document = {"type": "document", "source": pictures.source("A" * 2_000_000, "application/pdf")}
    for content in ([image, document], [{"type": "tool_result", "tool_use_id": "t", "content": [image, document]}]):
        body = {"model": "m", "messages": [{"role": "user", "content": content}]}
        size = len(msgspec.json.encode(body))
        weight = weigh(body, size)
        assert weight.text_bytes == size - 7_000_000
        assert weight.media_tokens == 1568 + 30 * 2200
        assert request_facts.gather(body, {}, size).input_estimate < 70_000


def test_text_that_is_long_is_no_picture() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "word " * 10_000}]}]}
    assert weigh(body, 50_100) == Weight(50_100)


@pytest.mark.parametrize("messages", [None, 7, [7], [{"content": 7}], [{"content": [7, {"type": "image"}]}]])
def test_odd_bodies_weigh_something(messages: object) -> None:
    assert request_facts.gather({"messages": messages}, {}, 20_000).input_estimate > 0


def test_a_session_is_estimated_as_its_last_request_was_counted() -> None:
    ratios = TokenRatios()
    weight = Weight(100_000, 1568)
    assert ratios.estimate("s", weight) == 25_000 + 1568
    ratios.learn("s", Weight(80_000), 32_000)
    assert ratios.estimate("s", weight) == 40_000 + 1568
    assert ratios.estimate("another", weight) == 25_000 + 1568
    ratios.learn("s", Weight(80_000, 1568), 16_000 + 1568)
    assert ratios.estimate("s", weight) == 20_000 + 1568


@pytest.mark.parametrize(
    ("weight", "tokens", "expected"),
    [
        (Weight(1000), None, 250),
        (Weight(1000), 0, 250),
        (Weight(0), 10, 250),
        (Weight(1000, 5000), 100, 250),
        (Weight(1000), 1, 50),
        (Weight(10), 1_000_000, 1000),
    ],
)
def test_what_cannot_be_believed_teaches_little(weight: Weight, tokens: int | None, expected: int) -> None:
    ratios = TokenRatios()
    ratios.learn("s", weight, tokens)
    assert ratios.estimate("s", Weight(1000)) == expected


def test_without_a_session_nothing_is_learned() -> None:
    ratios = TokenRatios()
    ratios.learn("", Weight(1000), 900)
    assert ratios.estimate("", Weight(1000)) == estimate(Weight(1000)) == 250


def test_the_sessions_used_longest_ago_are_forgotten() -> None:
    ratios = TokenRatios(limit=2)
    for name in ("a", "b", "a", "c"):
        ratios.learn(name, Weight(1000), 500)
    assert [ratios.estimate(name, Weight(1000)) for name in ("a", "b", "c")] == [500, 250, 500]


def test_weighing_200_kilobytes_takes_less_than_a_fifth_of_a_millisecond() -> None:
    body = bodies("Hi")[sorted(bodies("Hi"))[0]]
    turn = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x" * 1800}]},
    ]
    body = {**body, "messages": [*body["messages"], *turn * 90]}
    size = len(msgspec.json.encode(body))
    assert size > 190_000
    best = 1.0
    for _ in range(50):
        began = time.perf_counter()
        weigh(body, size)
        best = min(best, time.perf_counter() - began)
    assert best < 0.0002
