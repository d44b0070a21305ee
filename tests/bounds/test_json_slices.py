"""A JSON text that is read in slices means the same wherever they end, and what is no JSON is refused all the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.ingress import json_slices
from tests.bounds.test_json_values import VALUES

_ALPHABET = 'a"\\/\b\n\x01é€😀u'


@given(value=VALUES, size=st.integers(30, 60), ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_a_value_is_the_same_however_it_is_sliced(value: Any, size: int, ascii: bool, indent: int | None) -> None:
    text = json.dumps([value, "x" * 70], ensure_ascii=ascii, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_slices, "_SLICE", size)
        patch.setattr(json_slices, "_MOST_LOOKS", 1_000)
        assert json_slices.decoded(text) == json.loads(text)


@given(text=st.text(_ALPHABET, max_size=200), size=st.integers(20, 40), ascii=st.booleans())
def test_a_text_is_cut_inside_no_character_and_no_escape(text: str, size: int, ascii: bool) -> None:
    quoted = json.dumps(text, ensure_ascii=ascii).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_slices, "_SLICE", size)
        assert json_slices.decoded(quoted) == text


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"' + b"x" * 100,
        b'{"a":"' + b"\xff" * 100 + b'"}',
        b'{"a":"' + b"\\q" * 100 + b'"}',
        b'{"a":"' + b"\\ud83d" * 50 + b'"}',
        b'{"a":[' + b"1," * 100 + b"]}",
        b'["' + b"x" * 100 + b'"]]',
        b'"' + b"x" * 100,
        b"1" * 5_000,
        b" " * 100,
        b"x" * 100,
    ],
)
def test_what_is_no_json_is_refused(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_slices, "_SLICE", 20)
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        json_slices.decoded(text)


def test_what_is_big_may_not_be_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_slices, "_SLICE", 1_000)
    text = b"[" * 20 + b'"' + b"x" * 10_000 + b'"' + b"]" * 20
    assert json_slices.decoded(text) == msgspec.json.decode(text)
    with pytest.raises(json_slices.TooDeep):
        json_slices.decoded(b"[" * 10 + text + b"]" * 10)
