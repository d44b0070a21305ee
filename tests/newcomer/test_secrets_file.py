"""The generated secrets: private, whole, made once, and of the shape that the settings and the encryption want."""

from __future__ import annotations

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environ
import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from proxysite.quickstart import secrets


def _read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The file as the settings read it."""
    read: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", read)
    environ.Env.read_env(folder / secrets.FILE_NAME)
    return read


def test_the_file_is_private_and_its_secrets_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "data"
    assert secrets.ensure(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / secrets.FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [secrets.FILE_NAME]
    made = _read(folder, monkeypatch)
    assert made.keys() == {"SECRET_KEY", "ENCRYPTION_KEYS"}
    assert len(made["SECRET_KEY"]) >= 50
    (key,) = environ.Env().list("ENCRYPTION_KEYS")
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"secret")) == b"secret"


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    (tmp_path / secrets.FILE_NAME).write_text("SECRET_KEY=mine\n")
    assert not secrets.ensure(tmp_path)
    assert (tmp_path / secrets.FILE_NAME).read_text() == "SECRET_KEY=mine\n"
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_of_many_that_start_at_once_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        with ThreadPoolExecutor(8) as threads:
            wrote = list(threads.map(secrets.ensure, [folder] * 8))
        assert sum(wrote) == 1
        assert [path.name for path in folder.iterdir()] == [secrets.FILE_NAME]
        assert len(_read(folder, monkeypatch)) == 2


def test_two_installations_have_different_secrets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        secrets.ensure(tmp_path / name)
    one, two = ((tmp_path / name / secrets.FILE_NAME).read_text() for name in ("one", "two"))
    assert not {line for line in one.splitlines() if "=" in line} & set(two.splitlines())


def test_generate_key_prints_a_line_for_the_environment() -> None:
    out = io.StringIO()
    call_command("generate_key", stdout=out)
    name, _, key = out.getvalue().strip().partition("=")
    assert name == "ENCRYPTION_KEYS"
    assert Fernet(key).encrypt(b"secret")
