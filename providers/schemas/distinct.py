"""Values of JSON without their repetitions, in linear time: a schema may list a hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

V = TypeVar("V")

_key = msgspec.json.Encoder(order="deterministic").encode


def distinct(values: Iterable[V]) -> list[V]:
    """Returns the values in their order, of equal ones the first. The members of objects may be in any order."""
    different: dict[bytes, V] = {}
    for value in values:
        different.setdefault(_key(value), value)
    return list(different.values())
