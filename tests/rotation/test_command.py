"""`./gateway rotate_keys` as somebody types it: with secrets.env, with keys of the environment, after crashes."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from django.core.management import CommandError, call_command

from proxysite.quickstart import secrets
from proxysite.rotation import environment
from tests.harness.gateway import ROOT

pytestmark = pytest.mark.database
_OURS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS", "DATABASE_URL")
_STORE = """
from tests.harness.configure import make_provider
make_provider("openai_chat", "http://127.0.0.1:1/v1", secret="a-secret-of-length")
from django.test import Client
from django.contrib.auth.models import User
browser = Client(); browser.force_login(User.objects.create_superuser("boss"))
print(browser.cookies["sessionid"].value)
"""
_READ = """
import sys
from providers import secrets
from providers.models import Credential
print(secrets.decrypt(Credential.objects.get().ciphertext))
from django.test import Client
browser = Client(headers={"host": "127.0.0.1"}); browser.cookies["sessionid"] = sys.argv[-1]
print(browser.get("/admin/auth/user/").status_code)
print(browser.cookies["sessionid"].value)
"""


class Site:
    """An installation of its own: commands run as processes with its folder and, where set, its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {}

    def manage(self, *args: str, status: int = 0) -> str:
        """What a command prints; it ends with `status`."""
        return self._run([sys.executable, "manage.py", *args], status)

    def python(self, code: str, *args: str) -> list[str]:
        """What a program prints, Django set up."""
        start = "import django; django.setup()\n"
        return self._run([sys.executable, "-c", start + code, *args], 0).split()

    def _run(self, command: list[str], status: int) -> str:
        env = {name: value for name, value in os.environ.items() if name not in _OURS}
        env |= {"DATA_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "proxysite.settings", **self.environ}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def keys(self) -> dict[str, list[str]]:
        """The keys of the file."""
        lines = (self.folder / secrets.FILE_NAME).read_text().splitlines()
        pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
        return {name: value.split(",") for name, value in pairs}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation with a migrated database, whose keys are in its file."""
    folder = tmp_path / "data"
    secrets.ensure(folder)
    site = Site(folder)
    site.manage("migrate", "-v0")
    return site


def _still_readable(site: Site, session: str) -> str:
    """The session as its cookie is afterwards: Django renews the id where it meets a hash under an earlier key."""
    secret, status, session = site.python(_READ, session)
    assert (secret, status) == ("a-secret-of-length", "200")
    return session


def test_keys_of_the_file_are_replaced_and_everything_is_readable_at_each_step(site: Site) -> None:
    (session,) = site.python(_STORE)
    old = site.keys()
    comments = (site.folder / secrets.FILE_NAME).read_text().splitlines()[:2]
    assert "rotate_keys start" in site.manage("rotate_keys")
    assert "nothing to apply" in site.manage("rotate_keys", "apply", status=1)

    assert "restart every process" in site.manage("rotate_keys", "start")
    both = site.keys()
    assert both["SECRET_KEY_FALLBACKS"] == old["SECRET_KEY"] != both["SECRET_KEY"]
    assert both["ENCRYPTION_KEYS"][1:] == old["ENCRYPTION_KEYS"]
    session = _still_readable(site, session)
    assert "under way" in site.manage("rotate_keys", "start", status=1)
    assert "rotate_keys apply" in site.manage("rotate_keys")
    assert "restart every process" in site.manage("rotate_keys", "finish", status=1)
    assert site.keys() == both

    assert "1 values now, 0 before" in site.manage("rotate_keys", "apply")
    session = _still_readable(site, session)
    assert "0 values now, 1 before" in site.manage("rotate_keys", "apply")
    assert site.keys() == both

    assert "Keep the earlier encryption key" in site.manage("rotate_keys", "finish")
    new = site.keys()
    assert new == {"SECRET_KEY": both["SECRET_KEY"], "ENCRYPTION_KEYS": both["ENCRYPTION_KEYS"][:1]}
    session = _still_readable(site, session)
    assert (site.folder / secrets.FILE_NAME).read_text().splitlines()[:2] == comments
    assert stat.S_IMODE((site.folder / secrets.FILE_NAME).stat().st_mode) == 0o600
    site.manage("rotate_keys", "start", "--only", "encryption")
    assert site.keys()["SECRET_KEY"] == new["SECRET_KEY"]


def test_keys_of_the_environment_are_printed_and_the_file_is_left_alone(site: Site) -> None:
    file = (site.folder / secrets.FILE_NAME).read_bytes()
    site.environ = {"SECRET_KEY": "mine-" + "m" * 50, "ENCRYPTION_KEYS": secrets.encryption_key()}
    (session,) = site.python(_STORE)
    steps = {
        "start": ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS"],
        "apply": [],
        "finish": ["SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS"],
    }
    for step, expected in steps.items():
        lines = [line for line in site.manage("rotate_keys", step).splitlines() if re.match("[A-Z_]+=", line)]
        printed = dict(line.split("=", 1) for line in lines)
        assert list(printed) == expected
        site.environ |= printed
        session = _still_readable(site, session)
    assert "," not in site.environ["ENCRYPTION_KEYS"]
    assert (site.folder / secrets.FILE_NAME).read_bytes() == file


@pytest.fixture
def settings_of_file(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process as if its keys came from a file; its path."""
    secrets.ensure(tmp_path)
    values: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", values)
    environ.Env.read_env(tmp_path / secrets.FILE_NAME)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
        setattr(settings, name, value.split(",") if name == "ENCRYPTION_KEYS" else value)
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path / secrets.FILE_NAME


@pytest.mark.parametrize("function", ["replace", "fsync", "open"])
def test_a_crash_while_the_file_is_written_leaves_the_old_one(
    settings_of_file: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    before = settings_of_file.read_bytes()

    def fails(*args: object, **options: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fails)
        with pytest.raises(OSError, match="no space left"):
            call_command("rotate_keys", "start")
    assert settings_of_file.read_bytes() == before
    assert [path.name for path in settings_of_file.parent.iterdir()] == [secrets.FILE_NAME]


def test_of_two_that_start_at_once_one_writes(settings_of_file: Path) -> None:
    call_command("rotate_keys", "start")
    written = settings_of_file.read_bytes()
    # This process still has the keys that the file had before.
    assert not environment.in_file()
    with pytest.raises(environment.Changed, match="Run the command again"):
        environment.write({"SECRET_KEY": "another"})
    assert settings_of_file.read_bytes() == written


def test_a_key_with_a_comma_cannot_be_carried_over(settings: object) -> None:
    settings.SECRET_KEY = "with,comma" * 6  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="--only encryption"):
        call_command("rotate_keys", "start")
