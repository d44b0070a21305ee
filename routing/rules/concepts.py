"""Concepts: words in the user's last message that lead to a route. "breakfast" does not contain the word "fast"."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from ahocorasick_rs import AhoCorasick

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no space between words, or add endings to them: from Thai to Chinese and Korean."""


class ConceptConfig(msgspec.Struct, frozen=True):
    """A concept: its words in lower case, the route's name, and a priority from 0 to 100."""

    name: str
    words: tuple[str, ...]
    route: str
    priority: int = 50


class ConceptMatch(msgspec.Struct, frozen=True):
    """A concept in a text, and the word that was found."""

    concept: ConceptConfig
    word: str


class ConceptIndex:
    """All concepts' words in one automaton: a text is searched once, however many there are."""

    def __init__(self, concepts: Sequence[ConceptConfig] = ()) -> None:
        self._words: list[tuple[str, ConceptConfig]] = [
            (word, concept) for concept in concepts for word in concept.words if word
        ]
        self._automaton = AhoCorasick([word for word, _ in self._words]) if self._words else None

    def find(self, text: str) -> list[ConceptMatch]:
        """Returns the concepts in a text, each once: by the highest priority, the longest word, the first place."""
        if self._automaton is None or not text:
            return []
        lowered = text.lower()
        first: dict[int, int] = {}
        for index, start, end in self._automaton.find_matches_as_indexes(lowered, overlapping=True):
            if index not in first and _is_border(lowered, start) and _is_border(lowered, end):
                first[index] = start
        hits = [(self._words[index], start) for index, start in first.items()]
        hits.sort(key=lambda hit: (-hit[0][1].priority, -len(hit[0][0]), hit[1]))
        best: dict[str, ConceptMatch] = {}
        for (word, concept), _ in hits:
            best.setdefault(concept.name, ConceptMatch(concept, word))
        return list(best.values())


def words_of(name: str, synonyms: str) -> tuple[str, ...]:
    """Returns a concept's words: its name, with spaces for underscores, and its synonyms, each once."""
    words = [name.replace("_", " "), *synonyms.replace("\n", ",").split(",")]
    return tuple(dict.fromkeys(" ".join(word.lower().split()) for word in words if word.strip()))


def _is_border(text: str, at: int) -> bool:
    """Whether no word continues across this position."""
    return at in (0, len(text)) or not (_is_letter(text[at - 1]) and _is_letter(text[at]))


def _is_letter(character: str) -> bool:
    return (character.isalnum() or character == "_") and _UNSPACED.match(character) is None
