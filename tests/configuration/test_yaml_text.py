"""YAML without its traps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.file.yaml_text import YamlError, dump, load

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TEMPTING = st.sampled_from(
    ["1e5", "1.5e5", "yes", "off", "12:30", "2027-01-01", "010", "0x1f", "~", "<<", "=", "-", ""]
)
VALUES = st.recursive(
    SCALARS | TEMPTING, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.dictionaries(st.text(), VALUES))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert load(dump(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("08:30", "08:30"),
        ("2027-01-01", "2027-01-01"),
        ("010", 10),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("true", True),
        ("", None),
    ],
)
def test_only_what_looks_plainly_so_is_no_text(text: str, value: Any) -> None:
    assert load(f"a: {text}") == {"a": value}


def test_merged_mappings_are_read() -> None:
    assert load("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")["b"] == {"x": 1, "y": 3}


MANY = "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n" + "\n".join(
    f"{outer}: &{outer} [{', '.join([f'*{inner}'] * 10)}]" for inner, outer in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "a: [1", "&a [*a]", "a: !!python/object:os.system x", "\t", "a: \x07", MANY]
)
def test_what_is_broken_or_explodes_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        load(text)
