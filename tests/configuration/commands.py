"""Runs the commands, and reads their reports."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command

from routing.loading.revision import WATCHED

FILES = Path(__file__).parent / "files"


def run_import(file: Path, *arguments: str) -> str:
    """The output of `./gateway import_config`. Raises CommandError."""
    out = io.StringIO()
    call_command("import_config", str(file), *arguments, stdout=out)
    return out.getvalue()


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of configuration."""
    return {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}


def not_carried_over(output: str) -> list[str]:
    """The lines about what could not be carried over."""
    lines = iter(output.splitlines())
    for line in lines:
        if line == "Could not be carried over:":
            break
    return [line.strip() for line in itertools.takewhile(lambda line: line.startswith("  "), lines)]
