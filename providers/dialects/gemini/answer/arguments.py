"""The arguments of one call, put together from values with JSON paths: `$.a.b[0].c`, `$['a b']`.

https://datatracker.ietf.org/doc/html/rfc9535. Bounded in size, depth and length of arrays; a path that contradicts the
ones before is refused.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from providers.dialects.gemini.answer.shapes import PartialArg
from providers.framing.sse import MAX_EVENT_BYTES

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DEEPEST = 100
_LARGEST_EXACT = 2**53


class BrokenArguments(ValueError):
    """Pieces of arguments, or of a call, that do not fit together."""


class Arguments:
    """The values so far."""

    __slots__ = ("_size", "_texts", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        # A text that comes in pieces: its place and the pieces, joined only at the end.
        self._texts: dict[str, tuple[Any, Any, list[str]]] = {}
        self._size = 0

    def update(self, values: dict[str, Any]) -> None:
        """Add arguments that came as they are."""
        self._values.update(values)

    def add(self, piece: PartialArg) -> None:
        """Add one piece. Raises BrokenArguments."""
        path = piece.json_path or ""
        text = piece.string_value
        self._size += len(path) + len(text or "") + 50
        if self._size > MAX_EVENT_BYTES:
            raise BrokenArguments(f"The provider sent arguments of more than {MAX_EVENT_BYTES} bytes.")
        if text is not None:
            growing = self._texts.get(path)
            if growing is None:
                container, last = self._place(path)
                growing = self._texts[path] = (container, last, [])
                _put(container, last, "")
            growing[2].append(text)
        elif piece.bool_value is not None:
            _put(*self._place(path), piece.bool_value)
        elif piece.number_value is not None:
            _put(*self._place(path), _number(piece.number_value))
        elif piece.null_value in ("NULL_VALUE", None, 0):
            _put(*self._place(path), None)

    def finished(self) -> dict[str, Any]:
        """The arguments."""
        for container, last, pieces in self._texts.values():
            container[last] = "".join(pieces)
        self._texts.clear()
        return self._values

    def _place(self, path: str) -> tuple[Any, Any]:
        """The container that a path's last step is in, made where it was not there, and that step."""
        steps = _steps(path)
        container: Any = self._values
        for step, following in pairwise(steps):
            fresh: Any = [] if isinstance(following, int) else {}
            container = _inside(container, step, fresh)
        return container, steps[-1]


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1 if path.startswith("$") else 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) == _DEEPEST:
            raise BrokenArguments("The provider sent arguments with a path that cannot be read.")
        name, index, single, double = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else _ESCAPED.sub(r"\1", single if single is not None else double))
        at = found.end()
    if not steps:
        raise BrokenArguments("The provider sent arguments without saying where they belong.")
    return steps


def _inside(container: Any, step: str | int, fresh: Any) -> Any:
    """What is at a step: what is there already, if it is of the same kind as `fresh`, or `fresh`."""
    there = container.get(step) if isinstance(container, dict) else None
    if isinstance(container, list) and isinstance(step, int) and step < len(container):
        there = container[step]
    if there is None:
        _put(container, step, fresh)
        return fresh
    if type(there) is not type(fresh):
        raise BrokenArguments("The provider sent arguments whose paths contradict each other.")
    return there


def _put(container: Any, step: str | int, value: Any) -> None:
    if isinstance(container, dict) and isinstance(step, str):
        container[step] = value
    elif isinstance(container, list) and isinstance(step, int) and step <= len(container):
        container[step : step + 1] = [value]
    else:
        raise BrokenArguments("The provider sent arguments whose paths contradict each other.")


def _number(value: int | float) -> int | float:
    """A whole number without its ".0": every number here is a double, and tools that want an integer are strict."""
    return int(value) if isinstance(value, float) and abs(value) < _LARGEST_EXACT and value.is_integer() else value
