"""What a newcomer reads who starts the gateway with a wrong port, folder or setting: a sentence. Nothing is written."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness.gateway import ROOT, free_port
from tests.harness.patience import PATIENCE
from tests.newcomer.checkout import Checkout, environment

SECRET = {"SECRET_KEY": "x" * 60, "ENCRYPTION_KEYS": "for-this-test"}


@pytest.fixture(scope="module")
def checkout() -> Checkout:
    """This checkout, where all is installed."""
    return Checkout(ROOT)


def start(checkout: Checkout, data: Path, **variables: str) -> str:
    """What is printed by the first step of `make run`, which does not succeed."""
    python = str(checkout.folder / ".venv" / "bin" / "python")
    arguments = [python, "-m", "proxysite.quickstart", "--port", variables.pop("PORT", str(free_port()))]
    known = environment(**{"DATA_DIR": str(data), "DEMO_UPSTREAM": "true", **variables})
    found = subprocess.run(arguments, cwd=checkout.folder, env=known, capture_output=True, text=True, timeout=PATIENCE)
    assert found.returncode == 1, found
    assert "Traceback" not in found.stderr
    return found.stderr


@pytest.mark.parametrize("port", ["abc", "0", "65535", "-1", "³"])
def test_a_port_that_is_none(checkout: Checkout, tmp_path: Path, port: str) -> None:
    assert f"PORT is {port!r}. Choose a number from 1 to 65534" in start(checkout, tmp_path / "data", PORT=port)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("behind", [0, 1])
def test_a_taken_port_is_found_before_anything_is_written(checkout: Checkout, tmp_path: Path, behind: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        text = start(checkout, tmp_path / "data", PORT=str(taken - behind))
    assert f"cannot listen on 127.0.0.1:{taken} (Address already in use)" in text.replace("Cannot", "cannot")
    assert "make run PORT=" in text
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file(checkout: Checkout, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert f"DATA_DIR is {file}, which cannot be made (it is a file)" in start(checkout, file)
    assert "make run DATA_DIR=" in start(checkout, file / "below")
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "nonsense", "DATABASE_URL is malformed"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x", "The database cannot be used: connection failed"),
        ("DATABASE_URL", "sqlite:////no/such/folder/x.sqlite3", "The database cannot be used: unable to open"),
        ("MAX_BODY_BYTES", "ten", "MAX_BODY_BYTES is malformed"),
        ("TIME_ZONE", "Mars/North", "TIME_ZONE is malformed"),
    ],
)
def test_a_setting_that_cannot_be_used(checkout: Checkout, tmp_path: Path, name: str, value: str, words: str) -> None:
    assert words in start(checkout, tmp_path / "data", **{name: value})


def command(*arguments: str, folder: Path = Path("/"), **variables: str) -> subprocess.CompletedProcess[str]:
    """What `./gateway ARGUMENTS` prints, run from another folder."""
    known = environment(**SECRET, **variables)
    return subprocess.run(
        [ROOT / "gateway", *arguments], cwd=folder, env=known, capture_output=True, text=True, timeout=PATIENCE
    )


def test_the_command_finds_python_and_the_project_from_any_folder(tmp_path: Path) -> None:
    found = command("help", "serve", folder=tmp_path, DATA_DIR=str(tmp_path / "data"))
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("usage: gateway serve")
    link = tmp_path / "link"
    link.symlink_to(ROOT / "gateway")
    known = environment(**SECRET)
    assert (
        subprocess.run([link, "version"], cwd=tmp_path, env=known, capture_output=True, timeout=PATIENCE).returncode
        == 0
    )


def test_the_command_says_how_python_gets_there() -> None:
    found = command("serve", VENV="/nowhere")
    assert found.returncode == 1
    assert "There is no /nowhere/bin/python yet. `make install`" in found.stderr


def test_a_database_that_is_not_there_is_no_traceback() -> None:
    found = command("set_role", "mia", "owner", DATABASE_URL="postgres://nobody@127.0.0.1:1/x")
    assert found.returncode == 1
    assert "The database cannot be used" in found.stderr
    assert "DATABASE_URL" in found.stderr
    assert "Traceback" not in found.stderr
