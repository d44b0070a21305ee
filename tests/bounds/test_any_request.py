"""No request, however odd, is answered with a 500: it is refused in words, or translated."""

from __future__ import annotations

import contextlib
import random

import pytest

from providers.claude.fields import caller_of
from providers.claude.signatures import pack, unpack
from providers.errors import UnsupportedRequest
from routing.facts import request_facts
from streaming.ingress.claude.errors import ClaudeError
from tests.bounds.requests import FULL, SHAPES, damaged, encoded, message, user
from tests.bounds.targets import PLATFORMS, SERVERS, work

_SMALL = [shape(120) for shape in SHAPES.values()]


@pytest.mark.parametrize("server", [*SERVERS, *PLATFORMS])
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_request_is_refused_in_words_or_translated(seed: int, server: str) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        request = damaged(FULL if dice.random() < 0.5 else dice.choice(_SMALL), dice)
        steps = work(encoded(request), server)
        with contextlib.suppress(ClaudeError, UnsupportedRequest):
            for step in steps:
                step()


@pytest.mark.parametrize(
    "user_id",
    [
        '{"a":' * 100_000,
        '{"session_id":' + "[" * 900 + "]" * 900 + "}",
        '{"account_uuid":' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_text_inside_a_field_is_read_within_limits(user_id: str) -> None:
    request = message(user("hi"), metadata={"user_id": user_id})
    assert request_facts.gather(request, {}, 100).session_id == ""
    assert caller_of(request) is not None


def test_a_signature_that_another_has_made_is_no_value_of_ours() -> None:
    value = [{"type": "reasoning.encrypted", "data": "x" * 300, "index": 0}] * 3
    assert unpack("chat", "0" * 8, pack("chat", "0" * 8, value)) == value
    deep: object = []
    for _ in range(500):
        deep = [deep]
    for forged in (deep, [0] * 10_000):
        assert unpack("chat", "0" * 8, pack("chat", "0" * 8, forged)) is None
