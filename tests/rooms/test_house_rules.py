"""Rules of the house that no import contract can hold."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

from django.apps import apps

from routing.loading.revision import WATCHED

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/apps.py"))
ROWS = {"RequestLog", "AttemptLog"}
SOURCES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.relative_to(ROOT).parts
)
ALLOWED = ROOT / "usage" / "journal" / "inserts.py"
_MENTIONED = re.compile("RequestLog|AttemptLog|insert into", re.IGNORECASE)
"""What a module that makes a row has in it: the others need not be read as Python."""


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
        assert _MENTIONED.search(source), source
        assert _inserts(ast.parse(source)), source


def test_usage_rows_are_made_in_one_module() -> None:
    texts = {path.relative_to(ROOT): path.read_text() for path in SOURCES if path != ALLOWED}
    named = {path: text for path, text in texts.items() if _MENTIONED.search(text)}
    assert named
    assert {path: found for path, text in named.items() if (found := _inserts(ast.parse(text)))} == {}


def test_every_module_stays_readable() -> None:
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in SOURCES}
    too_long = {path: count for path, count in lines.items() if count > 300}
    assert too_long == {}, "a file that grows past 300 lines has found two subjects"


def test_every_folder_can_be_seen_at_a_glance() -> None:
    modules = (path for root in (*ROOMS, "tests", "benchmarks") for path in (ROOT / root).rglob("*.py"))
    folders = Counter(path.parent.relative_to(ROOT) for path in modules if path.name != "__init__.py")
    # Nobody looks for a subject among migrations, whose number only grows.
    folders = Counter({folder: count for folder, count in folders.items() if folder.name != "migrations"})
    too_many = {folder: count for folder, count in folders.items() if count > 15}
    assert too_many == {}, "a folder of more than 15 modules has found two subjects"


def test_every_module_says_what_it_is_for() -> None:
    texts = {path.relative_to(ROOT): path.read_text() for path in SOURCES}
    silent = [path for path, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))]
    assert silent == [], "a module docstring says what the file is for"


def test_every_model_of_configuration_is_watched() -> None:
    """A model that routing reads and that no trigger watches would change without any worker noticing.

    Health and signals are no configuration, and have readers of their own. Limits on sign-ins are read with each
    attempt. The fields that clients lost are for administrators to see. Invitations and
    requests for more decide about pages alone, report tokens about the report API, and the audit, alerts and
    webhooks decide nothing.
    """
    not_configuration = {
        "routing.Revision", "routing.Signal", "routing.HealthState", "access.SignInLimit", "access.Invitation",
        "providers.DroppedField", "access.AuditEntry", "access.AuditHead", "access.Alert", "access.OutboxMessage",
        "access.Lease", "access.Webhook", "access.IncreaseRequest", "access.ReportToken",
    }  # fmt: skip
    configuration = {
        model._meta.label
        for room in ("access", "providers", "routing")
        for model in apps.get_app_config(room).get_models(include_auto_created=True)
    } - not_configuration
    assert configuration == set(WATCHED)


def test_the_import_contracts_name_every_room() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers")
    assert sorted(contracts["root_packages"]) == sorted(layers) == ROOMS
