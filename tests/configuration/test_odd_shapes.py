"""Files of other gateways whose parts have other shapes than documented: read as far as they go, never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from configuration.file.yaml_text import load
from configuration.foreign import ccr, json5, litellm
from tests.configuration.ask import FILES

ODD: tuple[Any, ...] = (None, True, 5, -1.5, "", "odd, one", [], [None], [[]], {}, {"odd": "one"}, [{"name": 5}])


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*above, key)
        yield from places(part, (*above, key))


@pytest.mark.parametrize(
    ("name", "parse", "read"),
    [
        ("ccr-2.json", json5.load, ccr.read),
        ("ccr-3.json", json5.load, ccr.read),
        ("litellm.yaml", load, litellm.read),
    ],
)
def test_an_odd_part_is_noted_or_passed_over(name: str, parse: Any, read: Any) -> None:
    value = parse((FILES / name).read_text())
    for place in list(places(value)):
        for odd in ODD:
            mutant = copy.deepcopy(value)
            part = mutant
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = odd
            assert read(mutant, {}).lost, place
