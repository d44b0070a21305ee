"""Finds private names that are defined and never used, which neither ruff nor vulture at 80 % confidence reports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

_PRIVATE = re.compile(r"_[A-Za-z]\w*")
_EXEMPT = ("_pyi_private_", "_content_block_", "_dialling", "_aget_session_from_db")
"""Beginnings of names that django-stubs reads, of handlers that are looked up by an event's name, of an attribute
that keeps a task alive, and of a method that Django's sessions call."""


def _defined(tree: ast.AST) -> set[str]:
    """The private functions, classes, attributes and variables of a file. A decorator counts as a use."""
    names = set()
    unpacked = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Tuple) for part in node.elts}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.decorator_list:
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in unpacked:
            names.add(node.id)
    return {name for name in names if _PRIVATE.fullmatch(name) and not name.startswith(_EXEMPT)}


def _used(tree: ast.AST) -> set[str]:
    """The names that a file reads, imports or mentions in a text of one line."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.alias):
            names.add(node.name)
        elif isinstance(node, ast.keyword) and node.arg:
            names.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            names.update(_PRIVATE.findall(node.value))
    return names


def main() -> int:
    """Prints the unused names of all tracked Python files; returns 1 if there are any."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=False)  # noqa: S607
    paths = [Path(line) for line in listed.stdout.splitlines()] or list(Path().glob("*/**/*.py"))
    trees = {path: ast.parse(path.read_text(), str(path)) for path in paths if path.exists()}
    used = set().union(*map(_used, trees.values()))
    found = [(path, name) for path, tree in trees.items() for name in sorted(_defined(tree) - used)]
    for path, name in found:
        print(f"{path}: {name} is never used")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
