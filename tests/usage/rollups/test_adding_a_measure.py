"""A new measure takes four changes: events, dialect, the table and a migration. They are made in a copy of the source,
where the new column is followed from the events to the CSV file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
_COPIED = (
    *("access", "configuration", "providers", "proxysite", "routing", "streaming", "usage", "templates", "tests"),
    "pyproject.toml",
)
_MIGRATE_AND_CHECK = """
import django
django.setup()
from django.core.management import call_command
from providers.dialects.openai_chat.answer.shapes import Usage
from providers.dialects.openai_chat.answer.tokens import tokens_of
from proxysite.console.explorer import lines

assert tokens_of(Usage(audio_tokens=7)).audio == 7
assert "audio_tokens" in lines.NAMES
call_command("makemigrations", "usage")
"""
_ROW = """    Measure("audio_tokens", "sum", "audio", event="audio", unit="part", report="Audio"),
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source without its databases."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def _insert(path: Path, place: str, text: str, *, before: bool = False) -> None:
    source = path.read_text()
    assert source.count(place) == 1, (path, place)
    path.write_text(source.replace(place, text + place if before else place + text))


def _run(copy: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(copy), "TEST_DATABASE": "sqlite"}
    done = subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_measure_is_four_changes(copy: Path) -> None:
    field, merged = "    web_searches: int | None = None\n", "cost=self.cost if"
    _insert(copy / "providers/events.py", field, "    audio: int | None = None\n")
    _insert(
        copy / "providers/events.py", merged, "audio=self.audio if newer.audio is None else newer.audio, ", before=True
    )
    answer = copy / "providers/dialects/openai_chat/answer"
    _insert(answer / "shapes.py", "    cost: msgspec.Raw =", "    audio_tokens: int | None = None\n", before=True)
    _insert(answer / "tokens.py", "        reasoning=reasoning,\n", "        audio=usage.audio_tokens,\n")
    _insert(copy / "usage/rollups/measures.py", '    Measure("cost", "sum"', _ROW, before=True)
    _run(copy, "-c", _MIGRATE_AND_CHECK)
    _run(copy, "-m", "pytest", "tests/usage/rollups/test_measures.py", "-k", "followed or count_of_the_events")
