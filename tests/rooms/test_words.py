"""No name here is a word that means nothing to a newcomer; docs/glossary.md has the words of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BANNED = frozenset({"told", "said", "spoke", "heard", "well", "shelf", "ways"})
"""As a name or as one word of a snake_case or CamelCase name: of a variable, attribute, function, class or file."""
BANNED_FILES = BANNED | {"leads"}
"""A team has leads, so only a file may not have that name."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _python_files() -> list[Path]:
    packages = [folder for folder in ROOT.iterdir() if (folder / "__init__.py").exists()]
    return sorted(path for package in packages for path in package.rglob("*.py"))


def _names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, lineno=line):
                yield name, line
            case ast.Attribute(attr=name, lineno=line):
                yield name, line
            case ast.FunctionDef(name=name, lineno=line) | ast.AsyncFunctionDef(name=name, lineno=line):
                yield name, line
            case ast.ClassDef(name=name, lineno=line) | ast.arg(arg=name, lineno=line):
                yield name, line
            case ast.alias(name=name, asname=other):
                yield other or name.rpartition(".")[2], node.lineno
            case ast.keyword(arg=str(name)):
                yield name, node.value.lineno


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}


def test_the_rule_sees_every_kind_of_name() -> None:
    source = """
import heard
from package import x as spoke
class WellKnown: ...
def what_was_said(told, *, ways=1): return shelf.put(well=2).said
"""
    found = {word for name, _ in _names(ast.parse(source)) for word in _words(name)} & BANNED
    assert found == BANNED


def test_names_are_the_words_of_the_field() -> None:
    found = []
    for path in _python_files():
        place = path.relative_to(ROOT)
        banned = _words(path.stem) & BANNED_FILES
        found += [f"{place}: {word}" for word in sorted(banned)]
        for name, line in _names(ast.parse(path.read_text())):
            banned = _words(name) & BANNED
            found += [f"{place}:{line}: {name}"] if banned else []
    assert not found, "rename these, see docs/glossary.md:\n" + "\n".join(found)
