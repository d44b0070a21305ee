"""The search for keys and tokens in tracked files, which `make lint` runs: it finds each kind, and nothing here."""

from __future__ import annotations

import secrets
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from access.keys import new_key
from tests.harness import programs
from tests.harness.gateway import ROOT

_SCRIPT = ROOT / ".ci" / "leaked_secrets.py"
_LETTERS = string.ascii_letters + string.digits


def _of(length: int, letters: str = _LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


_KINDS: dict[str, Callable[[], str]] = {
    "Anthropic key": lambda: f"sk-ant-api03-{_of(93)}AA",
    "OpenRouter key": lambda: f"sk-or-v1-{_of(64, '0123456789abcdef')}",
    "OpenAI key": lambda: f"sk-proj-{_of(120)}",
    "Google API key": lambda: f"AIza{_of(35)}",
    "Groq key": lambda: f"gsk_{_of(52)}",
    "xAI key": lambda: f"xai-{_of(80)}",
    "Hugging Face token": lambda: f"hf_{_of(34)}",
    "client key of this gateway": lambda: new_key().secret,
    "AWS Access Key": lambda: f"AKIA{_of(16, string.ascii_uppercase)}",
    "GitHub Token": lambda: f"ghp_{_of(36)}",
    "Private Key": lambda: "-----BEGIN RSA " + "PRIVATE KEY-----",
    "secret of secrets.env": lambda: f"SECRET_KEY={secrets.token_urlsafe(50)}",
}


def _searched(folder: Path) -> subprocess.CompletedProcess[str]:
    git = programs.find("git")
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run([git, *words], cwd=folder, check=True)
    return subprocess.run([sys.executable, _SCRIPT], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What it says of one file for each kind."""
    folder = tmp_path_factory.mktemp("leaks")
    for number, make in enumerate(_KINDS.values()):
        (folder / f"{number}.txt").write_text(f"first line\n{make()}\n")
    (folder / "harmless.txt").write_text("sk-ant-..., sk-or-v1-..., AIza, hf_, OPENROUTER_API_KEY=\n")
    result = _searched(folder)
    assert result.returncode == 1
    assert "revoke it" in result.stderr
    return result.stdout


@pytest.mark.parametrize("kind", _KINDS)
def test_each_kind_is_found_where_it_stands(kind: str, found: str) -> None:
    number = list(_KINDS).index(kind)
    assert f"{number}.txt:2: looks like a secret: {kind}" in found.splitlines()


def test_what_only_looks_a_little_like_one_is_left_alone(found: str, tmp_path: Path) -> None:
    assert "harmless.txt" not in found
    (tmp_path / "only.txt").write_text("nothing\n")
    result = _searched(tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
