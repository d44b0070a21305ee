"""docs/adding-a-dialect.md lists every place: by that list a made-up dialect is added to a copy of the source.

The made-up dialect has the wire format of Ollama under a name of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "adding-a-dialect.md"
NAME, MODEL = "parrot", "ollama"
_COPIED = (
    *("access", "configuration", "providers", "proxysite", "routing", "streaming", "usage", "templates", "tests"),
    *("docs", "manage.py", "pyproject.toml"),
)
_CHECKS = (
    *("tests/dialects/test_wire.py", "tests/rooms/test_speakers.py", "tests/rooms/test_model_lists.py"),
    "tests/rooms/test_fidelity_docs.py",
)
_SELECTED = f"({NAME} or every) and not cut_off"
_REQUEST = """
import asyncio, django
django.setup()
from providers.models import Provider
from providers.translation import Translation
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, make_call
from tests.harness.speakers import SPEAKERS
from tests.harness.speakers.parts import Text

assert ("parrot", "Parrot") in list(Provider._meta.get_field("dialect").flatchoices)
translation = Translation(make_call("parrot", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}))
request = asyncio.run(translation.request())
assert request.path == "/api/chat" and b'"content":"Hi"' in request.body
decoder = translation.decoder(SPEAKERS["parrot"].content_type)
answer = b"".join(SPEAKERS["parrot"].whole([Text(("Hello", " there"))]))
assert check_stream(claude_stream([*decoder.feed(answer), *decoder.close()])).text == "Hello there"
assert translation.error(404, {}, b'{"error": "model x not found"}').kind == "not_found"
"""


def renamed(text: str) -> str:
    """The model's source as the made-up dialect's."""
    return text.replace("OLLAMA", NAME.upper()).replace("Ollama", NAME.title()).replace(MODEL, NAME)


def copied(place: str) -> Callable[[Path], None]:
    """A step that writes a file or folder of the model's under the made-up name."""

    def step(copy: Path) -> None:
        source, target = copy / place.replace("<name>", MODEL), copy / place.replace("<name>", NAME)
        for file in [source] if source.is_file() else sorted(source.rglob("*.*")):
            new = target / file.relative_to(source) if source.is_dir() else target
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(renamed(file.read_bytes().decode("latin-1")).encode("latin-1"))

    return step


def added(place: str, *lines: str) -> Callable[[Path], None]:
    """A step that adds lines to a file, each behind the same line of the model's."""

    def step(copy: Path) -> None:
        text = (copy / place).read_text()
        for line in lines:
            assert text.count(line) == 1, line
            text = text.replace(line, line + renamed(line))
        (copy / place).write_text(text)

    return step


def written(copy: Path) -> None:
    """Write the page of codes as the document says."""
    ran(copy, "-m", "tests.harness.fidelity_table")


STEPS: dict[str, Callable[[Path], None]] = {
    "providers/dialects/<name>/": copied("providers/dialects/<name>"),
    "providers/dialects/__init__.py": added(
        "providers/dialects/__init__.py", "from providers.dialects.ollama import OLLAMA\n", "        OLLAMA,\n"
    ),
    "tests/wire/<name>/": copied("tests/wire/<name>"),
    "tests/harness/speakers/<name>.py": copied("tests/harness/speakers/<name>.py"),
    "tests/harness/speakers/__init__.py": added(
        "tests/harness/speakers/__init__.py",
        "from tests.harness.speakers.ollama import OllamaSpeaker\n",
        '    "ollama": OllamaSpeaker(),\n',
    ),
    "tests/rooms/test_model_lists.py": added(
        "tests/rooms/test_model_lists.py",
        '    "ollama": ({"models": [{"name": "qwen:latest", "size": 7}]}, [ListedModel("qwen:latest")]),\n',
        '    "ollama": "/api/tags",\n',
    ),
    "docs/fidelity.md": written,
}


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python program in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "TEST_DATABASE": "sqlite"}
    return subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True)


def ran(copy: Path, *arguments: str) -> str:
    """What a Python program in the copy prints; it must succeed."""
    done = run(copy, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with the made-up dialect in it."""
    root = tmp_path_factory.mktemp("source")
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    for step in STEPS.values():
        step(root)
    return root


def test_the_document_names_these_places() -> None:
    assert re.findall(r"^\d+\. \*\*`([^`]+)`\*\*", PAGE.read_text(), re.MULTILINE) == list(STEPS)


def test_the_made_up_dialect_passes_what_every_dialect_must(copy: Path) -> None:
    summary = ran(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", _SELECTED, *_CHECKS)
    assert "failed" not in summary


def test_the_admin_offers_it_and_a_request_goes_through(copy: Path) -> None:
    ran(copy, "-c", _REQUEST)


def test_import_contracts_hold_for_it_without_naming_it(copy: Path) -> None:
    linter = str(Path(sys.executable).with_name("lint-imports"))
    assert "0 broken" in ran(copy, linter, "--no-cache")
    with (copy / "providers" / "dialects" / NAME / "tools.py").open("a") as file:
        file.write("\nfrom providers.dialects.gemini.tools import upstream_name  # noqa\n")
    found = run(copy, linter, "--no-cache")
    assert "Dialects do not know each other BROKEN" in found.stdout
