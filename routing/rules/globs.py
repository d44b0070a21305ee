"""Patterns of names with * for any characters, as one regular expression that reads a text once.

Who sends a request chooses the text, so a pattern with many stars must not make it expensive: once a part is found, no
other place for it is tried.
"""

from __future__ import annotations

import re


def glob(pattern: str) -> re.Pattern[str]:
    """For `fullmatch`; what is compared without regard to capitals must be in lower case on both sides."""
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last, re.DOTALL)
