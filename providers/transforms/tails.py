"""How much of a text's end may be the beginning of a word that is looked for, and must wait for what follows."""

from __future__ import annotations

from collections.abc import Sequence


def waiting(text: str, words: Sequence[str]) -> int:
    """How many characters at the end of `text` are the beginning of one of `words`, but not yet all of it."""
    longest = max(map(len, words)) - 1
    for start in range(max(len(text) - longest, 0), len(text)):
        end = text[start:]
        if any(len(word) > len(end) and word.startswith(end) for word in words):
            return len(end)
    return 0
