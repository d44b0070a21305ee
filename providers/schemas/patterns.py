"""Which regular expressions of a schema a server can read."""

from __future__ import annotations

import re
from typing import Literal

_LOOKAROUND = re.compile(r"\(\?(?:[=!]|<[=!])")
_GRAMMARS_LACK = re.compile(r"\(\?(?!:)|\\[a-zA-Z]")
_LONGEST = 2000
_LONGEST_TOGETHER = 100_000
"""Characters of a request's patterns that are looked at; a thousand take a millisecond."""


class Patterns:
    """Reads the patterns of one request as servers of one kind do; see SchemaRules."""

    __slots__ = ("_kind", "_left", "_read")

    def __init__(self, kind: Literal["any", "python", "grammar"]) -> None:
        self._kind = kind
        self._left = _LONGEST_TOGETHER
        self._read: dict[str, bool] = {}

    def readable(self, pattern: str) -> bool:
        """Whether the servers can read a pattern. Beyond all that is looked at, none is readable."""
        if self._kind == "any":
            return True
        found = self._read.get(pattern)
        if found is None:
            found = self._read[pattern] = self._fits(pattern)
        return found

    def _fits(self, pattern: str) -> bool:
        if len(pattern) > min(_LONGEST, self._left):
            return False
        self._left -= len(pattern)
        if self._kind == "grammar":
            is_anchored = len(pattern) > 1 and pattern[0] == "^" and pattern[-1] == "$"
            return is_anchored and _GRAMMARS_LACK.search(pattern) is None and _compiles(pattern)
        return _LOOKAROUND.search(pattern) is None and _compiles(pattern)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
