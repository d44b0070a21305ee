"""JSON of a provider that nests without an end is no JSON, wherever it is read, and no error of the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.dialects import DIALECTS
from providers.dialects.openai_responses import request as responses
from providers.errors import UpstreamError
from providers.errors.wording import message_of
from providers.outbound.model_lists import NoModelList, read_list
from providers.platforms.bedrock import requests as bedrock
from providers.transforms.json_object import UNPARSED, is_object, repaired

DEEP = "[" * 100_000 + "]" * 100_000
INSIDE = f'{{"x": {DEEP}}}'


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", [DEEP, INSIDE])
def test_a_list_of_models(text: str, dialect: str) -> None:
    with pytest.raises(NoModelList, match="not a list of models"):
        read_list(dialect, text.encode())


@pytest.mark.parametrize("read", [responses._read_count, bedrock.read_count])
@pytest.mark.parametrize("data", [DEEP.encode(), INSIDE.encode(), b'{"input_tokens": "\xff"}'])
def test_a_count(data: bytes, read: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UpstreamError, match="malformed"):
        read(data)


def test_the_error_of_another_in_an_error() -> None:
    assert message_of({"message": "returned error", "metadata": {"raw": DEEP}}) == f"returned error: {DEEP}"


@pytest.mark.parametrize("text", [DEEP, INSIDE, '{"a": "\ud800"}'])
def test_the_arguments_of_a_call(text: str) -> None:
    assert not is_object(text)
    assert repaired(text) == ({"a": "\ud800"} if "a" in text else {UNPARSED: text})
