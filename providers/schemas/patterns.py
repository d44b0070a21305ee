"""Which regular expressions of a schema a server can read."""

from __future__ import annotations

import re
from typing import Literal

_LOOKAROUND = re.compile(r"\(\?(?:[=!]|<[=!])")
_GRAMMARS_LACK = re.compile(r"\(\?(?!:)|\\[a-zA-Z]")
_LONGEST = 2000


def is_readable(pattern: str, kind: Literal["any", "python", "grammar"]) -> bool:
    """Whether a pattern is one of this kind; see SchemaRules."""
    if kind == "any":
        return True
    if kind == "grammar":
        return (
            len(pattern) > 1
            and pattern[0] == "^"
            and pattern[-1] == "$"
            and _GRAMMARS_LACK.search(pattern) is None
            and _compiles(pattern)
        )
    return _LOOKAROUND.search(pattern) is None and _compiles(pattern)


def _compiles(pattern: str) -> bool:
    if len(pattern) > _LONGEST:
        return False
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
