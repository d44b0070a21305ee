"""What a newcomer reads who starts the gateway with a wrong port, folder or setting: a sentence. Nothing is written."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from proxysite.environment import Environment, read_file
from proxysite.quickstart import preflight
from tests.harness.gateway import ROOT, free_port
from tests.harness.patience import PATIENCE
from tests.newcomer.checkout import Checkout, environment
from usage.journal import segments

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
    # Whether the gateway's own or the demo upstream's, which is the next one.
    port = free_port()
    taken = port + behind
    with socket.create_server(("127.0.0.1", taken)):
        text = start(checkout, tmp_path / "data", PORT=str(port))
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
        ("MAX_BODY_BYTES", "ten", "MAX_BODY_BYTES is malformed: 'ten' is not a whole number."),
        ("TIME_ZONE", "Mars/North", "TIME_ZONE is malformed"),
        ("CIRCUIT_FAILURES", "five", "CIRCUIT_FAILURES is malformed: 'five' is not a whole number."),
        ("PING_SECONDS", "ten", "PING_SECONDS is malformed: 'ten' is not a number."),
        ("ALLOWED_HOSTS", "a.example.com,https://x", "ALLOWED_HOSTS is malformed: 'https://x' is no host name"),
        ("ALLOWED_HOSTS", "localhost:3456", "ALLOWED_HOSTS is malformed: 'localhost:3456' is no host name"),
        ("HTTPS", "ture", "HTTPS is malformed: 'ture' is neither true nor false."),
    ],
)
def test_a_setting_that_cannot_be_used(checkout: Checkout, tmp_path: Path, name: str, value: str, words: str) -> None:
    assert words in start(checkout, tmp_path / "data", **{name: value})


def test_a_gateway_beside_one_with_the_same_data_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    """Its demo upstream would be another one, and the first gateway's would not be found any more."""
    journal = tmp_path / "data" / "journal" / "of-a-worker"
    journal.mkdir(parents=True)
    held = segments.lock(journal)
    assert held is not None
    try:
        text = start(checkout, tmp_path / "data")
    finally:
        os.close(held)
    assert f"A gateway is running with the data in {tmp_path / 'data'}." in text
    assert "DATA_DIR=~/gateway-data" in text
    preflight.check_alone(tmp_path / "data", "3456")


@pytest.mark.parametrize("line", ["OPENAI_API_KEY = sk-a-secret", "OPENAI_API_KEY"])
def test_a_line_that_is_no_setting_is_named_and_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# mine\n\n{line}\n")
    with pytest.raises(ImproperlyConfigured) as refused:
        read_file(file)
    assert f"Line 3 of {file} is not a setting: write OPENAI_API_KEY=value" in str(refused.value)
    assert "sk-a-secret" not in str(refused.value)


def test_what_shells_and_compose_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    lines = [
        "\ufeff# mine",
        "  # indented",
        "  ONE_OF_TESTS=1",
        "export \tTWO_OF_TESTS='2 # no comment'",
        "of.others-=3",
    ]
    file.write_bytes("\r\n".join(lines).encode())
    for name in ("ONE_OF_TESTS", "TWO_OF_TESTS"):
        # Whatever the file sets is taken back.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    read_file(file)
    assert (os.environ["ONE_OF_TESTS"], os.environ["TWO_OF_TESTS"]) == ("1", "2 # no comment")


@pytest.mark.parametrize(
    ("text", "meant"), [(" true ", True), ("Off", False), ("$OTHER_OF_TESTS", True), ("ture", None)]
)
def test_a_word_that_is_neither_true_nor_false_is_refused(
    text: str, meant: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_OF_TESTS", "yes")
    monkeypatch.setenv("SWITCH_OF_TESTS", text)
    if meant is None:
        with pytest.raises(ImproperlyConfigured, match="neither true nor false"):
            Environment().bool("SWITCH_OF_TESTS")
    else:
        assert Environment().bool("SWITCH_OF_TESTS") is meant


def test_a_name_that_nearly_is_a_setting_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DEMO_UPSTREM=false\nexport LOG_LEVEL=INFO\nPORT=8000\nOUR_OWN_API_KEY=x\nOPENAI_API_KEY_2=x\n")
    misspelt, port, _ = preflight.misspelt(file, ROOT / ".env.example")
    assert "DEMO_UPSTREM" in misspelt
    assert "Is DEMO_UPSTREAM meant?" in misspelt
    assert "make run PORT=" in port
    assert list(preflight.misspelt(tmp_path / "none", ROOT / ".env.example")) == []


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
