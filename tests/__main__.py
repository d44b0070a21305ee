"""`python -m tests SUITE...`: runs suites of tests in two pytest processes at a time, and says how many ran on which
database. `make test`, its sisters `make test-clients` and so on, `make test-all` and `make attack` come here.

One process writes to the terminal, the other one to a file that is shown at the end, whatever it ended with.

Tests that failed run once more with nothing beside them, where they are few. One that passes then lost a race on a busy
machine: the run passes, and its closing lines name the test as FLAKY.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.harness import summary
from tests.harness.summary import RESULTS

ROOT = Path(__file__).resolve().parent.parent
FAILED = 1
"""What pytest ends with where tests failed, and nothing else went wrong."""
NOTHING_CHOSEN = 5
"""What pytest ends with where no test fits, such as a path without any test that runs on PostgreSQL."""
MOST_AGAIN = 3
"""Tests that failed and run again; where more of a run did, something is broken."""


@dataclass(frozen=True)
class Part:
    """The tests that one pytest process runs: those that fit `marks`, on a database; `shard` (tests/shards.py)
    says which of them where several parts share them, and `folder` where they all are, if in one: to collect all tests
    takes as long as some of them."""

    name: str
    database: str
    marks: str
    shard: str = ""
    folder: str = "tests"

    @property
    def report(self) -> Path:
        """pytest's report in JUnit's XML."""
        return RESULTS / f"{self.name}.xml"

    @property
    def log(self) -> Path:
        """What it printed, if that was not the terminal's."""
        return RESULTS / f"{self.name}.log"

    @property
    def again(self) -> Path:
        """The report of those of its tests that ran again."""
        return RESULTS / f"{self.name}, again.xml"

    @property
    def cache(self) -> Path:
        """The folder in which pytest keeps which of its tests failed."""
        return RESULTS / f"{self.name}.cache"


_COMMON = "not clients and not e2e and not chaos and not count and not attack"
SUITES = {
    # What needs no database runs once, and beside what runs on PostgreSQL, which is less than what runs on SQLite: of
    # that there are three parts, of which whoever is ready first takes the last.
    "test": (
        Part("SQLite, part 1", "sqlite", f"database and {_COMMON}", "1/3"),
        Part("PostgreSQL", "postgresql", f"(both_databases or not database) and {_COMMON}"),
        Part("SQLite, part 2", "sqlite", f"database and {_COMMON}", "2/3"),
        Part("SQLite, part 3", "sqlite", f"database and {_COMMON}", "3/3"),
    ),
    "clients": (Part("clients", "sqlite", "clients"),),
    "e2e": (
        Part("browser tests on SQLite", "sqlite", "e2e", "1/2", "tests/browser"),
        Part("browser tests on PostgreSQL", "postgresql", "e2e", "2/2", "tests/browser"),
    ),
    "chaos": (Part("chaos on SQLite", "sqlite", "chaos"), Part("chaos on PostgreSQL", "postgresql", "chaos")),
    "count": (Part("instruction counts", "sqlite", "count"),),
    "attack": (Part("attack on rig A", "sqlite", "attack"), Part("attack on rig B", "postgresql", "attack")),
    "attack-quick": (
        Part("quick attack on rig A", "sqlite", "attack and not slow"),
        Part("quick attack on rig B", "postgresql", "attack and not slow"),
    ),
}


class Run:
    """Parts worked through by two processes; `codes` is what each pytest ended with, of its failed tests alone if these
    ran `again`."""

    def __init__(self, parts: Iterable[Part], choice: Sequence[str], processes: int, *, again: bool) -> None:
        self._numbers = range(processes)
        self.codes: dict[Part, int] = {}
        self._waiting = deque(parts)
        self._choice = choice
        self._processes: list[Process] = []
        self._again = again

    async def work(self) -> None:
        """Return when all have ended, and what went into files is shown."""
        RESULTS.mkdir(exist_ok=True)
        loop = asyncio.get_running_loop()
        # Ctrl-C reaches every pytest by itself; a SIGTERM is for this process alone and is passed on.
        loop.add_signal_handler(signal.SIGINT, self._clear)
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        await asyncio.gather(*map(self._run_in_turn, self._numbers))
        for part in self.codes:
            if part.log.exists():
                print(f"\n--- {part.name} ---\n{part.log.read_text(errors='replace')}", flush=True)
        await self._run_failed_again()

    async def _run_in_turn(self, number: int) -> None:
        while self._waiting:
            part = self._waiting.popleft()
            for old in (part.report, part.log, part.again):
                old.unlink(missing_ok=True)
            output = part.log.open("wb") if number else None
            self.codes[part] = await self._pytest(part, number, part.report, output)
            if output is not None:
                output.close()

    async def _run_failed_again(self) -> None:
        failed = {part: len(summary.failed(part.report)) for part, code in self.codes.items() if code == FAILED}
        if not self._again or not 0 < sum(failed.values()) <= MOST_AGAIN:
            return
        for part in failed:
            print(f"\n--- {part.name}: what failed runs again, with nothing beside it ---", flush=True)
            self.codes[part] = await self._pytest(part, 0, part.again, None, "--last-failed")

    async def _pytest(self, part: Part, number: int, report: Path, output: IO[bytes] | None, *options: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-m", part.marks, f"--junitxml={report}"),
            *("-o", f"cache_dir={part.cache}", *options),
            *(self._choice or [part.folder]),
            cwd=ROOT,
            env={
                **os.environ,
                "TEST_DATABASE": part.database,
                "TEST_PROCESS": str(number),
                "TEST_SHARD": part.shard,
            },
            stdout=output,
            stderr=output,
        )
        self._processes.append(process)
        return await process.wait()

    def _clear(self) -> None:
        self._again = False
        self._waiting.clear()

    def _stop(self) -> None:
        self._clear()
        for process in self._processes:
            if process.returncode is None:
                process.terminate()


def main() -> int:
    """Run, sum up; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("suites", nargs="+", choices=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--only", default="", help="paths, and other arguments of pytest, that narrow the choice")
    parser.add_argument("--processes", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--verdict", default="", metavar="WORD", help="end in one line that begins with this word")
    options = parser.parse_args()
    parts = [part for suite in options.suites for part in SUITES[suite]]
    # A verdict is about what was met once.
    run = Run(parts, shlex.split(options.only), options.processes, again=not options.verdict)
    asyncio.run(run.work())
    results = {part.name: (run.codes.get(part, 130), part.report) for part in parts}
    print(summary.text(results), *summary.flaky(part.again for part in run.codes), sep="\n", flush=True)
    if options.verdict:
        print(summary.verdict(options.verdict, results), flush=True)
    failed = [code for code in run.codes.values() if code not in (0, NOTHING_CHOSEN)]
    nothing = all(code == NOTHING_CHOSEN for code in run.codes.values())
    return 1 if failed or nothing else 0


if __name__ == "__main__":
    sys.exit(main())
