"""Patterns with stars: what they fit, and that no text makes them slow."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.rules.conditions import glob

_LETTERS = st.text("ab*", max_size=8)


@given(_LETTERS, st.text("ab", max_size=12))
def test_a_star_stands_for_any_characters_and_nothing_else_is_special(pattern: str, text: str) -> None:
    assert (glob(pattern).fullmatch(text) is not None) is fnmatchcase(text, pattern)


@pytest.mark.parametrize(("pattern", "text"), [("a.c", "abc"), ("a?c", "abc"), ("[ab]", "a"), ("a", "a\n")])
def test_other_signs_mean_themselves(pattern: str, text: str) -> None:
    assert glob(pattern).fullmatch(text) is None
    assert glob(pattern).fullmatch(pattern) is not None


def test_a_text_of_a_clients_choice_does_not_make_a_pattern_slow() -> None:
    began = time.process_time()
    assert glob("*a" * 12 + "*b").fullmatch("a" * 20_000) is None
    assert time.process_time() - began < 0.5
