"""Sentences of the gateway's own about failed requests, which usage rows store, and what they store of a provider's.

A plain string is never stored: it may quote a request or a provider.
"""

from __future__ import annotations

import re
from typing import LiteralString

LONGEST_ARGUMENT = 80
LONGEST_PROVIDER_LINE = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_QUOTED = re.compile(r"\"[^\"]*\"?|“[^”]*”?|`[^`]*`?|(?<!\w)'[^']*(?:'|$)|(?<!\w)‘[^’]*’?|\{.*|<[^>]*>?")
# Keys, ids, addresses and the like: long, or of letters and digits.
_TOKEN = re.compile(r"\S*(?:://|@)\S*|\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{8,}|[\w+/=-]{25,}")


class Sentence(str):
    """A template, filled with arguments that are cut to 80 characters each. Another Sentence is taken whole.

    The template is written in the source. Arguments are names and numbers, and of a request's body only the name in
    `model`. `code` names the reason, whatever the words: rows store it beside the text, so it never changes. A sentence
    without one of its own has that of the first argument with one. docs/usage.md lists them.
    """

    __slots__ = ("code",)
    code: str

    def __new__(cls, template: LiteralString, *, code: LiteralString = "", **arguments: object) -> Sentence:
        """Fills the template as str.format does."""
        if not arguments:
            return cls._made(template, code)
        found = code or next((part.code for part in arguments.values() if isinstance(part, Sentence) and part.code), "")
        return cls._made(template.format(**{name: _bounded(value) for name, value in arguments.items()}), found)

    @classmethod
    def _made(cls, text: str, code: str) -> Sentence:
        made = super().__new__(cls, text)
        made.code = code
        return made


def joined(separator: LiteralString, sentences: list[Sentence]) -> Sentence:
    """Returns several sentences as one, with the code of the first."""
    return Sentence._made(separator.join(sentences), sentences[0].code if sentences else "")


def own_words(message: str) -> Sentence:
    """Returns what a row may store of a message: all of a Sentence, nothing of any other string."""
    return message if isinstance(message, Sentence) else _NOTHING


def first_line(message: str) -> str:
    """Returns the first line of a provider's message, without what it quotes and without what may be a key or an id."""
    line = next((line for line in message.splitlines() if line.strip()), "")
    line = _CONTROL.sub(" ", _TOKEN.sub("…", _QUOTED.sub("…", line)))
    return " ".join(line.split())[:LONGEST_PROVIDER_LINE]


def short_name(name: object, longest: int) -> str:
    """Returns a name that a provider told, such as a model's, as one short line; "" for what is none."""
    if type(name) is not str:
        return ""
    name = name[:longest]
    return name if name.isprintable() else "".join(filter(str.isprintable, name)).strip()


_NOTHING = Sentence("")


def _bounded(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Sentence):
        text = _CONTROL.sub(" ", value)
        return text if len(text) <= LONGEST_ARGUMENT else text[: LONGEST_ARGUMENT - 1] + "…"
    return value
