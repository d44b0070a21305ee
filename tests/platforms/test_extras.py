"""The base install stays light: no cloud's library is imported before it is needed, and a missing one is reported."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from providers.platforms.contract import missing_library
from tests.harness.gateway import ROOT


def test_no_library_of_a_cloud_is_imported_with_the_registry() -> None:
    code = "import sys, providers.platforms; print([m for m in ('botocore', 'google.auth') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["no_such_library", "no_such_library.inner", "email.no_such_module"])
def test_a_missing_library_is_reported_with_the_command_that_installs_it(module: str) -> None:
    text = missing_library("Some Cloud", module, "bedrock")
    assert text.startswith("Some Cloud needs a library that is not installed.")
    assert ".venv/bin/pip install -r requirements-bedrock.txt" in text
    assert "EXTRAS=bedrock" in text


def test_what_is_there_is_not_missing() -> None:
    assert (
        missing_library("Some Cloud", "email", "bedrock") == missing_library("Some Cloud", "email.mime", "vertex") == ""
    )


def test_every_extra_is_pinned_in_a_file_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = (ROOT / "requirements.txt").read_text().splitlines()
    for extra, needs in project["optional-dependencies"].items():
        pinned = [line.partition("==")[0] for line in (ROOT / f"requirements-{extra}.txt").read_text().splitlines()]
        for need in needs:
            name = need.partition(">")[0]
            assert name in pinned
            assert not any(line.startswith(f"{name}==") for line in base), f"{name} is no part of the base install"
