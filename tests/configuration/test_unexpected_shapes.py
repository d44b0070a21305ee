"""Files of other gateways whose parts have undocumented shapes are read as far as possible, without a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from configuration.file.reading import load_json5
from configuration.file.yaml_text import load
from configuration.foreign import ccr, litellm
from tests.configuration.commands import FILES

UNEXPECTED: tuple[Any, ...] = (
    None,
    True,
    5,
    -1.5,
    "",
    "some, text",
    [],
    [None],
    [[]],
    {},
    {"some": "field"},
    [{"name": 5}],
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*above, key)
        yield from places(part, (*above, key))


@pytest.mark.parametrize(
    ("name", "parse", "read"),
    [
        ("ccr-2.json", load_json5, ccr.read),
        ("ccr-3.json", load_json5, ccr.read),
        ("litellm.yaml", load, litellm.read),
    ],
)
def test_an_unexpected_part_is_noted_or_ignored(name: str, parse: Any, read: Any) -> None:
    value = parse((FILES / name).read_text())
    for place in list(places(value)):
        for unexpected in UNEXPECTED:
            mutant = copy.deepcopy(value)
            part = mutant
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = unexpected
            assert read(mutant, {}).not_carried_over, place
