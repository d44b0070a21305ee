"""Reads concepts from Markdown files, one each, as other routers write them: `# Concept` and lines of `name:: value`.

Pure. What cannot be read is reported with the file and the line, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from routing.rules.concepts import words_of

DEFAULT_PRIORITY = 50
_HEADING = re.compile(r"#\s+(.*\S)")
_FIELD = re.compile(r"(?:[-*]\s+)?([A-Za-z][\w-]*)::\s*(.*)")
_FENCE = ("```", "~~~")
_MAX_NAME = 120


class TaxonomyConcept(msgspec.Struct, frozen=True):
    """A concept as a file defines it. `provider` and `model` are "" where no route is named."""

    file: str
    name: str
    synonyms: tuple[str, ...] = ()
    provider: str = ""
    model: str = ""
    priority: int = DEFAULT_PRIORITY


class Unsupported(msgspec.Struct, frozen=True):
    """What cannot be imported: its file and line, and why."""

    place: str
    why: str


def files(path: Path) -> list[tuple[str, Path]]:
    """Returns the Markdown files of a folder and its subfolders, or the one file, each with a name for messages."""
    if path.is_file():
        return [(path.name, path)]
    return [(str(each.relative_to(path)), each) for each in sorted(path.rglob("*.md")) if each.is_file()]


def read(path: Path) -> tuple[list[TaxonomyConcept], list[Unsupported]]:
    """Returns all concepts of a folder or file, and what cannot be imported."""
    concepts: dict[str, TaxonomyConcept] = {}
    unsupported: list[Unsupported] = []
    for name, file in files(path):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            unsupported.append(Unsupported(name, f"it cannot be read: {error}"))
            continue
        concept, problems = parse(name, text)
        unsupported += problems
        if concept is None:
            continue
        if concept.name in concepts:
            first = concepts[concept.name].file
            unsupported.append(Unsupported(name, f"{concept.name} is defined in {first} already, which is used"))
        else:
            concepts[concept.name] = concept
    return list(concepts.values()), unsupported


def parse(file: str, text: str) -> tuple[TaxonomyConcept | None, list[Unsupported]]:
    """Returns the concept of one file, None for a file without one, and what cannot be imported."""
    heading = ""
    fields: list[tuple[str, str, str]] = []
    for number, line in _lines(text):
        if (titled := _HEADING.fullmatch(line)) is not None:
            heading = heading or titled[1]
        elif (named := _FIELD.fullmatch(line)) is not None:
            fields.append((f"{file}, line {number}", named[1].lower(), named[2].strip()))
    if not fields:
        return None, []
    if not heading:
        return None, [Unsupported(file, "it has no # heading, so it is no concept")]
    name = "_".join(heading.lower().split())
    if not words_of(name, "") or len(name) > _MAX_NAME:
        return None, [Unsupported(file, f"the heading {heading[:40]!r} is no name for a concept")]
    values = _Values()
    for place, field, value in fields:
        values.add(place, field, value)
    provider, model = values.target or ("", "")
    priority = DEFAULT_PRIORITY if values.priority is None else values.priority
    synonyms = tuple(dict.fromkeys(values.synonyms))
    return TaxonomyConcept(file, name, synonyms, provider, model, priority), values.unsupported


class _Values:
    """The values of a file's fields."""

    def __init__(self) -> None:
        self.synonyms: list[str] = []
        self.target: tuple[str, str] | None = None
        self.priority: int | None = None
        self.unsupported: list[Unsupported] = []

    def add(self, place: str, field: str, value: str) -> None:
        problem = ""
        if field == "synonyms":
            self.synonyms += words_of("", value)
        elif field in ("route", "routing"):
            problem = self._add_target(value)
        elif field == "priority":
            problem = self._add_priority(value)
        else:
            problem = f"{field}:: is not supported"
        if problem:
            self.unsupported.append(Unsupported(place, problem))

    def _add_target(self, value: str) -> str:
        """Takes the first route; returns what of the value is not used."""
        first, *others = [part.strip() for part in value.split("|")]
        provider, comma, model = (part.strip() for part in first.partition(","))
        if not provider or not comma or not model:
            return f"the route {value!r} is not of the form “provider, model”"
        if self.target is not None:
            return "only the first route:: is used; add this one to that route as a candidate"
        self.target = (provider, model)
        return f"the fallbacks {', '.join(others)}: add them to the route as candidates" if others else ""

    def _add_priority(self, value: str) -> str:
        """Takes the first priority; returns why the value is not used."""
        if self.priority is None and value.isascii() and value.isdigit() and int(value[:9]) <= 100:
            self.priority = int(value)
            return ""
        return f"the priority {value!r} is no number from 0 to 100, or is the second one"


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """Yields the lines outside fenced code, numbered from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(_FENCE):
            fenced = not fenced
        elif not fenced:
            yield number, line.strip()
