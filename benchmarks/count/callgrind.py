"""valgrind's callgrind: the command that runs a program under it, the requests a program makes of it, what it wrote.

Nothing is counted until the program says so, so a start-up costs only valgrind's own slowness.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.children import DidNotRun

LIBRARY = "COUNT_LIBRARY"
"""The environment variable that tells a counted program where `build` has put the library."""
_SOURCE = Path(__file__).parent / "requests.c"
_OUT = "callgrind.out"
_LOG = "valgrind.log"
_DUMPED = re.compile(r"^desc: Trigger: dump (?P<name>.+)$", re.MULTILINE)
_THREAD = re.compile(r"^thread: (?P<number>\d+)$", re.MULTILINE)
_TOTAL = re.compile(r"^(?:summary|totals): (?P<instructions>\d+)$", re.MULTILINE)
_SCHEDULED = re.compile(r"Thread (?P<number>\d+): status = \S+.*\(lwpid (?P<native>\d+)\)")


def build(folder: Path) -> Path:
    """Compile the library that passes a program's requests on. Raises DidNotRun when something is not installed."""
    if shutil.which("valgrind") is None or shutil.which("gcc") is None:
        raise DidNotRun("Counting needs valgrind and gcc. Debian and Ubuntu: apt install valgrind gcc libc6-dev")
    library = folder / "requests.so"
    command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if compiled.returncode:
        raise DidNotRun(f"gcc could not compile {_SOURCE.name} (is libc6-dev installed?):\n{compiled.stderr}")
    return library


def command(folder: Path, module: str, *arguments: str) -> list[str]:
    """Runs a module of ours under callgrind; dumps and log go into `folder`."""
    return [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--separate-threads=yes",
        "--fair-sched=try",
        f"--callgrind-out-file={folder / _OUT}",
        f"--log-file={folder / _LOG}",
        sys.executable,
        "-m",
        module,
        *arguments,
    ]


def environment(base: Mapping[str, str], library: Path) -> dict[str, str]:
    """The environment of a counted program: hashes, and with them the order of sets, are the same in every run."""
    return {**base, "PYTHONHASHSEED": "0", LIBRARY: str(library)}


class Requests:
    """What a program asks of the valgrind that it runs under."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        if not self._library.running():
            raise DidNotRun("this program counts its own instructions, and does not run under valgrind")

    def begin(self) -> None:
        """Count from here, from nothing."""
        self._library.start()
        self._library.order(b"zero")

    def dump(self, name: str) -> None:
        """Write down what every thread has executed since `begin` or the last `dump`."""
        self._library.order(b"dump " + name.encode())

    def end(self) -> None:
        """Count no more, and be as quick again as valgrind allows."""
        self._library.stop()

    def list_threads(self) -> None:
        """Write into the log which thread of callgrind's is which of the kernel's."""
        self._library.order(b"v.info scheduler")


def dumped(folder: Path) -> dict[str, dict[int, int]]:
    """What a program wrote down: by the dump's name, the instructions of each of callgrind's threads."""
    found: dict[str, dict[int, int]] = {}
    for path in sorted(folder.glob(f"{_OUT}*")):
        text = path.read_text(errors="replace")
        name, thread = _DUMPED.search(text), _THREAD.search(text)
        if name is not None and thread is not None:
            total = _TOTAL.search(text)
            found.setdefault(name["name"], {})[int(thread["number"])] = int(total["instructions"]) if total else 0
    return found


def native_threads(folder: Path) -> dict[int, int]:
    """Callgrind's threads by the kernel's, as `Requests.list_threads` wrote them last."""
    lines = _SCHEDULED.finditer((folder / _LOG).read_text(errors="replace"))
    return {int(line["native"]): int(line["number"]) for line in lines}
