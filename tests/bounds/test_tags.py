"""Subagent tags are found and cut out as the regular expression says that they once were, without its cost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from routing.facts.content import read_content, without_subagent_tags
from tests.bounds.requests import message, user

_TAG = re.compile(r"<CCR-SUBAGENT-MODEL>([^<]{1,300})</CCR-SUBAGENT-MODEL>\s*")
_PARTS = ["<CCR-SUBAGENT-MODEL>", "</CCR-SUBAGENT-MODEL>", "a", "a" * 300, "a" * 301, " ", "\n", "<", "x y"]


@given(st.lists(st.sampled_from(_PARTS), max_size=12).map("".join))
def test_tags_are_what_the_expression_finds(text: str) -> None:
    request = message(user(text))
    found = _TAG.search(text)
    assert read_content(request).subagent_tag == (found[1].strip() if found is not None else "")
    assert without_subagent_tags(request)["messages"][0]["content"] == _TAG.sub("", text)
