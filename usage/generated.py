"""Functions made from the table of measures at import: lines of code cost a fraction of a loop over names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Pairs = Iterable[tuple[str, str]]


def copier(pairs: Pairs) -> Callable[[Any, Any], None]:
    """Returns `copy(target, source)`, which sets `target.<first> = source.<second>` for each pair of names."""
    return function("target, source", [f"target.{first} = source.{second}" for first, second in pairs])


def known_copier(pairs: Pairs) -> Callable[[Any, Any], None]:
    """Returns the same for a target that begins with nothing: what the source does not know is not set. To set a field
    of a msgspec struct takes twice as long as to find out."""
    lines = [f"if (value := source.{second}) is not None: target.{first} = value" for first, second in pairs]
    return function("target, source", lines)


def caller(called: Callable[..., Any], pairs: Pairs) -> Callable[[Any, Any], Any]:
    """Returns `call(first, source)`, which calls `called(first, <first>=source.<second>, ...)` for pairs of names."""
    arguments = ", ".join(f"{first}=source.{second}" for first, second in pairs)
    return function("first, source", [f"return called(first, {arguments})"], called=called)


def function(parameters: str, lines: Iterable[str], **names: Any) -> Callable[..., Any]:
    """Returns a function of these lines, which may use `names`. Give it nothing but what stands in the code."""
    code = "\n    ".join([f"def made({parameters}):", *lines])
    exec(code, names)  # noqa: S102
    made: Callable[..., Any] = names["made"]
    return made
