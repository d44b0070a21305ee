"""Concepts written as Markdown, one file each, as other routers have them: `# Concept` and lines of `name:: value`.

Pure. What cannot be read is told with the file and the line, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from routing.rules.concepts import words_of

USUAL_PRIORITY = 50
_HEADING = re.compile(r"#\s+(.*\S)")
_FIELD = re.compile(r"(?:[-*]\s+)?([A-Za-z][\w-]*)::\s*(.*)")
_FENCE = ("```", "~~~")
_LONGEST_NAME = 120


class Written(msgspec.Struct, frozen=True):
    """A concept as a file has it. `provider` and `model` are "" where no route is named."""

    file: str
    name: str
    synonyms: tuple[str, ...] = ()
    provider: str = ""
    model: str = ""
    priority: int = USUAL_PRIORITY


class Left(msgspec.Struct, frozen=True):
    """What could not be carried over: where it stands, and why."""

    place: str
    why: str


def files(path: Path) -> list[tuple[str, Path]]:
    """The Markdown files of a folder and all in it, each with a name to tell of it; or the one file."""
    if path.is_file():
        return [(path.name, path)]
    return [(str(each.relative_to(path)), each) for each in sorted(path.rglob("*.md")) if each.is_file()]


def read(path: Path) -> tuple[list[Written], list[Left]]:
    """All concepts of a folder or file, and what was left."""
    found: dict[str, Written] = {}
    left: list[Left] = []
    for name, file in files(path):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            left.append(Left(name, f"it cannot be read: {error}"))
            continue
        written, problems = parse(name, text)
        left += problems
        if written is None:
            continue
        if written.name in found:
            left.append(Left(name, f"{written.name} stands in {found[written.name].file} already; that one is taken"))
        else:
            found[written.name] = written
    return list(found.values()), left


def parse(file: str, text: str) -> tuple[Written | None, list[Left]]:
    """The concept of one file, None for a file that is none, and what was left of it."""
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
        return None, [Left(file, "it has no # heading, so it is no concept")]
    name = "_".join(heading.lower().split())
    if not words_of(name, "") or len(name) > _LONGEST_NAME:
        return None, [Left(file, f"the heading {heading[:40]!r} is no name for a concept")]
    left: list[Left] = []
    synonyms: list[str] = []
    target: tuple[str, str] | None = None
    priority: int | None = None
    for place, field, value in fields:
        if field == "synonyms":
            synonyms += words_of("", value)
        elif field in ("route", "routing"):
            first, problem = _target(value, again=target is not None)
            target = target or first
            left += [Left(place, problem)] if problem else []
        elif field == "priority":
            if priority is None and value.isascii() and value.isdigit() and int(value[:9]) <= 100:
                priority = int(value)
            else:
                left.append(Left(place, f"the priority {value!r} is no number from 0 to 100, or the second one"))
        else:
            left.append(Left(place, f"{field}:: means nothing here"))
    provider, model = target or ("", "")
    kept = USUAL_PRIORITY if priority is None else priority
    return Written(file, name, tuple(dict.fromkeys(synonyms)), provider, model, kept), left


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """The lines outside fenced code, numbered from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(_FENCE):
            fenced = not fenced
        elif not fenced:
            yield number, line.strip()


def _target(value: str, *, again: bool) -> tuple[tuple[str, str] | None, str]:
    """Provider and model, and what of it is not taken."""
    first, *others = [part.strip() for part in value.split("|")]
    provider, comma, model = (part.strip() for part in first.partition(","))
    if not provider or not comma or not model:
        return None, f"the route {value!r} is not of the form “provider, model”"
    if again:
        return None, "the first route:: counts; make this one a candidate of that route"
    rest = f"the fallbacks {', '.join(others)}: make them candidates of the route" if others else ""
    return (provider, model), rest
