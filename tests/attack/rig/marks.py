"""Secrets that can be recognised wherever they turn up."""

from __future__ import annotations

import secrets


class Marks:
    """Secrets by what they are."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def make(self, what: str) -> str:
        """A new secret."""
        self._words[what] = f"sk-marked-{secrets.token_hex(16)}"
        return self._words[what]

    def add(self, what: str, secret: str) -> str:
        """A secret that something else has made."""
        assert len(secret) >= 16, "a word so short would be found by accident"
        self._words[what] = secret
        return secret

    def __getitem__(self, what: str) -> str:
        return self._words[what]

    def found_in(self, text: str | bytes) -> list[str]:
        """Which secrets stand in a text."""
        data = text.encode() if isinstance(text, str) else text
        return [what for what, word in self._words.items() if word.encode() in data]
