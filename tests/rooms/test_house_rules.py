"""Rules of the house that no import contract can hold."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps

from routing.loading.revision import WATCHED

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("access", "usage", "providers", "routing", "streaming", "configuration", "proxysite")
ROWS = {"RequestLog", "AttemptLog"}
SOURCES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.relative_to(ROOT).parts
)
ALLOWED = ROOT / "usage" / "journal" / "inserts.py"


def _inserts(tree: ast.AST) -> list[str]:
    """What in a module would make a usage row: a constructor, a manager's create or bulk_create, a raw INSERT."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            parts = called.split(".")
            makes = parts[-1] in {
                "create",
                "acreate",
                "bulk_create",
                "abulk_create",
                "get_or_create",
                "update_or_create",
            }
            if parts[-1] in ROWS or (makes and ROWS & set(parts)):
                found.append(called)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.upper()
            if "INSERT INTO" in words and "USAGE_" in words:
                found.append("a raw INSERT")
    return found


def test_the_rule_sees_every_way_to_make_a_row() -> None:
    for source in (
        "RequestLog(id=1)",
        "models.AttemptLog(id=1)",
        "RequestLog.objects.create(id=1)",
        "await AttemptLog.objects.acreate(id=1)",
        "RequestLog.objects.using('x').bulk_create([])".replace(".using('x')", ""),
        "cursor.execute('insert into usage_requestlog values (1)')",
    ):
        assert _inserts(ast.parse(source)), source


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_usage_rows_are_made_in_one_module(path: Path) -> None:
    if path != ALLOWED:
        assert _inserts(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300, "a file that grows past 300 lines has found two subjects"
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module docstring says what the file is for"


def test_every_model_of_configuration_is_watched() -> None:
    """A model that routing reads and that no trigger watches would change without any worker noticing.

    Health is no configuration, and has a reader of its own.
    """
    configuration = {
        model._meta.label
        for room in ("access", "providers", "routing")
        for model in apps.get_app_config(room).get_models(include_auto_created=True)
    } - {"routing.Revision", "routing.HealthState"}
    assert configuration == set(WATCHED)
