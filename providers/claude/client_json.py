"""JSON as clients send it, read within limits: whole bodies, and strings in them that are JSON once more.

Nobody has looked at the depth and the size of such a string, so it is read within limits or stays text.
"""

from __future__ import annotations

import math
from typing import Any, Final, NewType

import msgspec

_MOST_CHARACTERS: Final = 4096
_MOST_BRACKETS: Final = 64
_USUAL_BITS: Final = 64
_MOST_BITS: Final = 1024
"""The largest number with a point has as many."""
_MOST_LONG_INTEGERS: Final = 10_000
_FREE_VALUES: Final = 16
_BYTES_A_VALUE: Final = 16
MOST_VALUES: Final = 20_000
"""Of all strings of a request that `Embedded` reads."""


def _number(text: str) -> float:
    """A number with a point or an exponent. msgspec's own reader takes 10 us for one such as 1e300."""
    value = float(text)
    if math.isinf(value):
        raise ValueError("Number out of range")
    return value


decode = msgspec.json.Decoder(float_hook=_number).decode
"""Returns the value of a JSON text. Raises msgspec.DecodeError, or RecursionError far beyond every limit here."""


SHALLOW: Final = 16
"""Levels of lists and objects in what `decode_shallow` reads; an agent's tools have a dozen."""


def _shallow() -> Any:
    """The type of values without a number that has a point: msgspec reads those slowly where a type is given.

    Lists in lists hold scalars only. Were they like all others, the type would be twice as large with each level, and
    take half a second of each start. A name for each level keeps its hash from being that of all below it.
    """
    scalars = None | bool | int | str
    named: Any = NewType
    value: Any = scalars
    item: Any = scalars
    for _ in range(SHALLOW):
        value, item = (
            named("value", scalars | list[item] | dict[str, value]),
            named("item", scalars | list[scalars] | dict[str, value]),
        )
    return value


decode_shallow = msgspec.json.Decoder(_shallow()).decode
"""Returns what `decode` does, as fast, and knows by the way that it nests no deeper than SHALLOW.

Raises msgspec.ValidationError for deeper values, for lists in lists that hold more than scalars, and for numbers with a
point or an exponent.
"""


def small_object(text: str) -> dict[str, Any] | None:
    """Returns the JSON object in a short text such as `metadata.user_id`; None for anything else."""
    if len(text) > _MOST_CHARACTERS or text.count("[") + text.count("{") > _MOST_BRACKETS:
        return None
    try:
        value = decode(text)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def packed_value(data: bytes) -> Any:
    """Returns a value that the gateway once gave a client to carry; it holds a few long texts.

    Raises ValueError for anything denser, which another has made.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _FREE_VALUES + len(data) // _BYTES_A_VALUE:
        raise ValueError("dense")
    value = decode(data)
    if is_deeper(value, _MOST_BRACKETS):
        raise ValueError("deep")
    return value


def is_deeper(value: Any, limit: int) -> bool:
    """Whether containers nest deeper than `limit`; goes level by level, so that no depth overflows the stack."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def has_costly_integers(value: Any) -> bool:
    """Whether integers are as long as no floating-point number may be, or very many are beyond 64 bits.

    Writing one of four thousand digits takes half a millisecond, and holds up all threads.
    """
    count, level = 0, [value]
    while level:
        inner = [child for parent in level for child in (parent.values() if type(parent) is dict else parent)]
        long = [child.bit_length() for child in inner if type(child) is int and child.bit_length() > _USUAL_BITS]
        count += len(long)
        if count > _MOST_LONG_INTEGERS or max(long, default=0) > _MOST_BITS:
            return True
        level = [child for child in inner if type(child) is dict or type(child) is list]
    return False


class Embedded:
    """Reads the JSON in some strings of one request, such as arguments of calls, as long as they hold few values."""

    __slots__ = ("_remaining",)

    def __init__(self) -> None:
        self._remaining = MOST_VALUES

    def value(self, text: str) -> Any:
        """Returns the value; the text itself where it is no JSON, nests too deep, or where there were too many."""
        # Each value but the first follows a comma or a bracket.
        most = 1 + text.count(",") + text.count("[") + text.count("{")
        if most > self._remaining:
            return text
        try:
            value = decode(text)
        except (msgspec.DecodeError, RecursionError):
            return text
        if is_deeper(value, _MOST_BRACKETS):
            return text
        self._remaining -= most
        return value
