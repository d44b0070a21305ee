"""Whatever may stand where JSON is expected. Drawn from a list: to draw trees costs Hypothesis a hundred times what the
decoders cost that read them, and they tell one value of a type from another as little as from a third."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ANYTHING: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2, 10**19, -(2**63), 0.0, 1.5, -1e300),
        *("", "a", "{", "}", "{}", "\0", "\N{SNOWMAN}\u2028", "a\nb\r\n", "tool_use", "data: x", " ", "x" * 300),
        *([], {}, [[]], [None], [0], ["a"], [{}], {"": None}, {"a": {}}, {"type": 1}, {"type": "text"}, {"id": []}),
        *({"text": 1}, {"a": [1, {"b": None}]}, {"message": "m", "code": 5}, {"error": {"message": ["m"]}}),
    ]
)


def either(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What servers send there, or anything else."""
    return usual | ANYTHING
