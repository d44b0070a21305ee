"""The gateway as a process of its own: `./gateway serve`, or Daphne through `runserver`, against the live database."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness import database
from tests.harness.call import Client
from tests.harness.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parent.parent.parent

# Below the ports that the system gives to outgoing connections, so that none of those takes one in the meantime; of two
# processes that test at once (tests/__main__.py) each has half of them.
_HALVES = {"0": range(20_000, 26_000, 2), "1": range(26_000, 32_000, 2)}
_ALL = _HALVES.get(os.environ.get("TEST_PROCESS", ""), range(20_000, 32_000, 2))
_PORTS = itertools.cycle(random.sample(_ALL, len(_ALL)))


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and nothing on the next one either (a demo upstream's)."""
    for port in itertools.islice(_PORTS, 1_000):
        try:
            for number in (port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port
    raise AssertionError("no free port in a thousand")


class Gateway:
    """One server. Everything it writes goes to one log file, as JSON lines at DEBUG unless `env` says otherwise."""

    def __init__(
        self,
        name: str,
        *,
        daphne: bool = False,
        workers: int = 1,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "manage.py"),
        listener: socket.socket | None = None,
        options: Sequence[str] = (),
    ) -> None:
        # A socket that listens already is the server's alone to use, and stays open when it is gone.
        self._listener = listener
        self.port = free_port() if listener is None else listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_file = database.FOLDER / f"{name}-{self.port}.log"
        self._daphne = daphne
        self._workers = workers
        self._program = program
        self._options = options
        self.environment = {
            **os.environ,
            "DATABASE_URL": database.live_url(),
            # Its own folder: whatever a server keeps beside the database belongs to it alone.
            "DATA_DIR": str(database.FOLDER / f"{name}-{self.port}"),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        # That is for this process, beside a browser (tests/browser/conftest.py).
        self.environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        self._process: subprocess.Popen[bytes] | None = None
        self._launched = 0

    def start(self) -> Gateway:
        """Start and wait until it is ready."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start and wait for nothing."""
        Path(self.environment["DATA_DIR"]).mkdir(exist_ok=True)
        command = ["serve", "--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self._workers)]
        command += self._options
        if self._daphne:
            command = ["runserver", "--noreload", "--skip-checks", f"127.0.0.1:{self.port}"]
        inherited = [] if self._listener is None else [self._listener.fileno()]
        for descriptor in inherited:
            command += ["--descriptor", str(descriptor)]
        with self.log_file.open("ab") as log:
            self._launched = log.tell()
            self._process = subprocess.Popen(
                [*self._program, *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
            )

    @property
    def pid(self) -> int:
        """The process id of the server (of the parent, with several workers)."""
        assert self._process is not None
        return self._process.pid

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Until /readyz answers 200."""
        self._wait(lambda status, body: status == 200, timeout)

    def wait_snapshot(self, timeout: float = PATIENCE) -> None:
        """Until each of its workers serves the configuration that stands in the database now."""
        from routing.loading import revision

        wanted = revision.numbers()

        def is_loaded(status: int, body: dict[str, Any]) -> bool:
            # With several workers each answer is that of any one: their log lines are counted, and that of the pages.
            processes = self._workers + ("apart" in self._options)
            return body.get("revisions") == wanted and (self._workers == 1 or self._loads(wanted) == processes)

        self._wait(is_loaded, timeout, f"revisions {wanted}")

    def _loads(self, revisions: dict[str, int]) -> int:
        loads = [json.loads(line) for line in self._lines(self._launched) if '"snapshot loaded"' in line]
        return sum(load["revisions"] == revisions for load in loads)

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz; (0, {}) while nothing listens."""
        try:
            answer = Client(self.base_url, None).get("/readyz")
        except (OSError, http.client.HTTPException):
            return 0, {}
        return answer.status, answer.json

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """The exit code, once it is over."""
        assert self._process is not None
        return self._process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM and the exit code; a server that is over already is fine."""
        assert self._process is not None
        if self._process.poll() is None:
            self.signal()
        try:
            status = self.wait_exit()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            raise AssertionError(f"the server ignored SIGTERM; its log:\n{self.logs()[-3000:]}") from None
        # No test meant this to happen, or it would have said so by now: a crash that a client saw as a plain 500.
        assert "Traceback" not in self.logs(), self.complaints()
        return status

    def logs(self) -> str:
        """Everything it wrote."""
        return self.log_file.read_text(errors="replace")

    def log_end(self) -> int:
        """Where its log ends now."""
        return self.log_file.stat().st_size

    def wait_logged(self, words: str, since: int) -> None:
        """Until it has logged these words after `since`, an end of before."""

        def is_logged() -> bool:
            with self.log_file.open("rb") as log:
                log.seek(since)
                return words.encode() in log.read()

        until(is_logged, f"{words!r} in its log")

    def records(self, request_id: str) -> list[dict[str, Any]]:
        """The JSON log lines of one request, once it has ended: the last one may come after the request's row."""

        def found() -> list[dict[str, Any]]:
            lines = [json.loads(line) for line in self._lines() if request_id in line]
            return [line for line in lines if line.get("request_id") == request_id]

        until(lambda: any("outcome" in line for line in found()), f"the last line of {request_id}")
        return found()

    def _lines(self, since: int = 0) -> list[str]:
        """Its log after `since`, without a last line that it may be writing just now."""
        with self.log_file.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace").rpartition("\n")[0].split("\n")

    def complaints(self) -> str:
        """The last of what it logged above INFO, with tracebacks, and of what is no log line at all."""
        records = [json.loads(line) if line.startswith("{") else line for line in self._lines()]
        loud = [r if isinstance(r, str) else r.get("exception", r) for r in records if not _quiet(r)]
        return "\n".join(str(entry) for entry in loud)[-6000:]

    def resident_bytes(self) -> int:
        """Memory that the process holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def _wait(self, done: Any, timeout: float, what: str = "to be ready") -> None:
        def is_done() -> bool:
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"the server ended with {ended}; its log:\n{self.logs()}"
            return bool(done(*self.readiness()))

        until(is_done, lambda: f"{what}: {self.readiness()}\n{self.logs()[-3000:]}", timeout=timeout)


def _quiet(record: Any) -> bool:
    return isinstance(record, dict) and record.get("level") in {"DEBUG", "INFO"}
