"""Runs the import of a dump, and returns what it prints."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.configuration.litellm_keys.dumps import Tables, copied

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(dump: str | Path | Tables, *arguments: str) -> str:
        if isinstance(dump, dict):
            dump = copied(dump)
        if isinstance(dump, str):
            path = tmp_path / "dump.sql"
            path.write_text(dump)
            dump = path
        out = io.StringIO()
        call_command("import_litellm_keys", str(dump), *(arguments or ("--write",)), stdout=out)
        return out.getvalue()

    return run
