"""Where the text that goes on repeats the end of the text before it: recognised as it streams, and cut. Pure."""

from __future__ import annotations

import re

LONGEST = 8000
"""Characters of the text before that are looked at: an answer that begins anew is longer seldom, and then stays."""
_SURE = 12
"""So many characters in a row are no chance."""
_LAST_WORD = re.compile(r"\w+\Z")
_LETTER = re.compile(r"[^\W\d_]")


class Overlap:
    """Feed it the text that goes on; what comes back is what is new in it.

    Cut is a repetition of a dozen characters or more, and also a shorter one of whole words where the text before ended
    in a word and the new one begins with that word again. `exact`: the new text was written right behind the old one,
    so that this would be chance. Whitespace that stands on both sides stands once.
    """

    __slots__ = ("_before", "_exact", "_held", "_settled")

    def __init__(self, before: str, *, exact: bool) -> None:
        self._before = before[-LONGEST:]
        self._exact = exact
        self._held = ""
        self._settled = False

    def feed(self, text: str) -> str:
        """What is new; "" also while it may still turn out to be a repetition."""
        if self._settled:
            return text
        self._held += text
        said = self._held.lstrip()
        if not said:
            return ""
        found = self._before.find(said)
        if found >= 0 and found + len(said) < len(self._before):
            return ""
        return self.settle()

    def settle(self) -> str:
        """What is new in what was held back, when nothing follows that could tell."""
        if self._settled:
            return ""
        self._settled = True
        held, self._held = self._held, ""
        said = held.lstrip()
        repeated = self._repeated(said, directly=said == held)
        if repeated:
            return said[repeated:]
        blank = self._before[len(self._before.rstrip()) :]
        shared = 0
        while shared < min(len(blank), len(held) - len(said)) and blank[shared] == held[shared]:
            shared += 1
        return held[shared:]

    def _repeated(self, said: str, *, directly: bool) -> int:
        """How many characters at the beginning of `said` are the end of the text before."""
        before = self._before
        length = next((n for n in range(min(len(said), len(before)), 0, -1) if before.endswith(said[:n])), 0)
        if length >= _SURE:
            return length
        last = _LAST_WORD.search(before)
        if self._exact or not directly or last is None or length < 2 or not _LETTER.search(said[:length]):
            return 0
        start = len(before) - length
        return length if start == 0 or not (before[start - 1].isalnum() and before[start].isalnum()) else 0
