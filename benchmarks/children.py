"""Processes that a run starts: each on the core it belongs to, watched through /proc, and ended by its own id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class DidNotRun(Exception):
    """A process that a run needs did not start, or ended before its time; the text says which and why."""


class Cores:
    """Core `gateway` for what is measured, core `rig` for everything else, the caller included."""

    def __init__(self) -> None:
        allowed = sorted(os.sched_getaffinity(0))
        self.gateway, self.rig = allowed[0], allowed[-1]
        self.separate = len(allowed) > 1
        os.sched_setaffinity(0, {self.rig})

    def gateway_seconds(self) -> float:
        """For how long the gateway's core was busy since the machine started, whoever used it, other machines included.

        https://man7.org/linux/man-pages/man5/proc_stat.5.html
        """
        for line in Path("/proc/stat").read_text().splitlines():
            name, *ticks = line.split()
            if name == f"cpu{self.gateway}":
                user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, ticks)
                return (user + nice + system + irq + softirq + steal) / _TICK
        raise RuntimeError(f"/proc/stat has no core {self.gateway}")

    @contextmanager
    def on(self, core: int) -> Iterator[None]:
        """What is started inside inherits the core."""
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.rig})


class Child:
    """A process of ours. Its standard input is a pipe: our own programs end when it closes, even if we are killed."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        reads_output: bool = True,
        folder: Path = ROOT,
    ) -> None:
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=None if env is None else dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if reads_output else errors,
                stderr=errors,
            )
        self.pid = self._process.pid

    @classmethod
    def module(cls, name: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> Child:
        """A program of this package."""
        return cls([sys.executable, "-m", f"benchmarks.{name}", *arguments], log=log, env=env)

    def ask(self, line: bytes) -> None:
        """Write one line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def answer(self) -> bytes:
        """The next line of its output. Raises DidNotRun when it has ended instead."""
        assert self._process.stdout is not None
        line: bytes = self._process.stdout.readline()
        if not line:
            raise DidNotRun(f"{self.log.stem} ended with status {self._process.wait()}:\n{self.log_tail()}")
        return line

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def stop(self, patience: float = 15.0) -> int:
        """Ask it to end, wait, and insist if need be; returns the exit status."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            started = processes(self.pid)
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                for pid in started:
                    os.kill(pid, signal.SIGKILL)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.wait()

    def cpu_seconds(self) -> float:
        """What the process and everything below it have used, ended children included."""
        ticks = 0
        for pid in processes(self.pid):
            fields = _stat(pid)
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / _TICK

    def resident_bytes(self) -> int:
        """Memory that the process and everything below it hold."""
        return sum(int(_stat(pid)[21]) for pid in processes(self.pid)) * _PAGE

    def log_tail(self, size: int = 2_000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-size:]


def processes(root: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(_stat(int(entry))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we looked
            children.setdefault(parent, []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: [0] is the state (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
