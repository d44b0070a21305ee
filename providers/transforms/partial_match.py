"""How much of a text's end may be the beginning of a word that is looked for, and must wait for what follows."""

from __future__ import annotations

from collections.abc import Iterable


def waiting(text: str, words: Iterable[str]) -> int:
    """How many characters at the end of `text` are the beginning of one of `words`, but not yet all of it."""
    size = len(text)
    most = 0
    for word in words:
        at = text.find(word[0], max(size - len(word) + 1, 0))
        while at >= 0:
            if word.startswith(text[at:]):
                most = max(most, size - at)
                break
            at = text.find(word[0], at + 1)
    return most
