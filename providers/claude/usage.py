"""Claude's usage object without what is no count: clients do arithmetic with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.counts import MOST_TOKENS

_LARGEST = 2**53
"""No number of any kind is larger: a client may hold it in a float."""
_COUNTS = ("_tokens", "_requests")


def clean_usage(usage: Any, most: int = MOST_TOKENS) -> dict[str, Any] | None:
    """The same object where all of its counts are whole numbers from 0 to `most`, else a copy without the others.

    None for what is no object.
    """
    if type(usage) is not dict:
        return None
    for name, value in usage.items():
        if type(value) is int:
            if 0 <= value <= most:
                continue
        elif value is None or (name[-7:] != "_tokens" and _is_plain(value, most)):
            continue
        return _without_wrong(usage, most)
    return usage


def _is_plain(value: Any, most: int) -> bool:
    return type(value) is str or (type(value) is dict and clean_usage(value, most) is value)


def _without_wrong(usage: Mapping[str, Any], most: int) -> dict[str, Any]:
    return {name: found for name, value in usage.items() if (found := _cleaned(name, value, most)) is not _WRONG}


_WRONG = object()


def _cleaned(name: str, value: Any, most: int) -> Any:
    if name.endswith(_COUNTS):
        return value if value is None or (type(value) is int and 0 <= value <= most) else _WRONG
    if isinstance(value, dict):
        return clean_usage(value, most)
    if isinstance(value, list):
        return [item for one in value if (item := _cleaned("", one, most)) is not _WRONG]
    if isinstance(value, int | float):
        return value if -_LARGEST <= value <= _LARGEST else _WRONG
    return value
