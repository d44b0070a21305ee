"""How many values a body holds is known from its bytes, and no text counts for what it looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.ingress import json_values

_TEXTS = st.text('a,[]{}:"\\ \n€😀', max_size=12)
VALUES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXTS, inner, max_size=5),
    max_leaves=60,
)


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_count, value.values()))
    return 1 + sum(map(_count, value)) if isinstance(value, list) else 1


@given(value=VALUES, indent=st.sampled_from([None, 1]), piece=st.sampled_from([1, 2, 3, 7, 10**6]), ascii=st.booleans())
def test_the_count_is_exact_wherever_the_pieces_end(value: Any, indent: int | None, piece: int, ascii: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_PIECE", piece)
        count = _count(value)
        assert not json_values.holds_more_values(body, count)
        # The shortest texts hold no more than half as many values as bytes and are not even looked at.
        assert json_values.holds_more_values(body, count - 1) == (len(body) > 2 * (count - 1))


@pytest.mark.parametrize(
    "text", ["1,2,3\n" * 700_000, json.dumps([{"a": [1, 2, {}]}] * 200_000), "\\" * 4_000_001, '",[' * 1_000_000]
)
def test_a_text_is_one_value_whatever_it_holds(text: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    assert not json_values.holds_more_values(body, 5)


@pytest.mark.parametrize("part", [b"[]", b"{}", b'""', b"1", b'{"a":1}', b'"\\\\"', b"[ ]"])
def test_many_small_values_are_found(part: bytes) -> None:
    body = b'{"x":[' + b",".join([part] * 300_000) + b"]}"
    assert json_values.holds_more_values(body, 250_000)
    assert not json_values.holds_more_values(body, 650_000)
