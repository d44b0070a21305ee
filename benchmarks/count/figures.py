"""The figures and the file that keeps them, with the interpreter they hold for: they are compared on no other one."""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.count import workloads

RECORDED = Path(__file__).parent / "recorded.json"
OF_BUDGET = 80_000
"""How many instructions a budget with money left may take of a request."""
_BUDGETS = {"B1": "W1", "B2": "W2"}
ALLOWED = 0.05
"""How much more than recorded an application's figure may be, as a share of it."""
OVER_TLS = "W2 over TLS"
"""In the column of the whole server: W2 with an upstream that is asked over TLS."""
LOOP = "event loop"
"""The kind of thread that requests run in."""
OF_TLS = 1.3
"""How often its plain figure the event loop's may be with TLS."""
_PACKAGES = ("aiohttp", "channels", "django", "httptools", "httpx", "msgspec", "uuid-utils", "uvicorn", "uvloop")

Column = dict[str, int]
"""Instructions by what they are spent on."""


class Build(msgspec.Struct, frozen=True):
    """What decides how many instructions the same Python code takes."""

    python: str
    compiler: str
    machine: str
    pgo: bool
    lto: bool
    shared: bool

    def __str__(self) -> str:
        made = f"{'with' if self.pgo else 'without'} PGO, {'with' if self.lto else 'without'} LTO"
        linked = "shared library" if self.shared else "static"
        return f"{self.python}, {self.compiler}, {self.machine}, {made}, {linked}"


class Figures(msgspec.Struct, frozen=True):
    """All that one run counted. `whole` has a column for each kind of thread; `limits` has no Redis where none is."""

    build: Build
    packages: dict[str, str]
    app: Column
    whole: dict[str, Column] = {}
    limits: Column = {}


def this_build() -> Build:
    """The interpreter that runs this."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    flags = f"{options} {sysconfig.get_config_var('PY_CORE_CFLAGS') or ''}"
    return Build(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        compiler=platform.python_compiler(),
        machine=platform.machine(),
        pgo="--enable-optimizations" in options or "-fprofile-use" in flags,
        lto="--with-lto" in options or "-flto" in flags,
        shared=bool(sysconfig.get_config_var("Py_ENABLE_SHARED")),
    )


def packages() -> dict[str, str]:
    """The versions of the packages that a request passes through."""
    return {name: metadata.version(name) for name in _PACKAGES}


def read(path: Path = RECORDED) -> Figures:
    """The recorded figures."""
    return msgspec.json.decode(path.read_bytes(), type=Figures)


def write(figures: Figures, path: Path = RECORDED) -> None:
    """Record figures."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def not_comparable(recorded: Figures, build: Build) -> str | None:
    """Why figures of this build say nothing beside the recorded ones; None when they do."""
    if recorded.build == build:
        return None
    return f"instructions were recorded on {recorded.build}; this is {build}"


def exceeded(recorded: Figures, app: Column) -> list[str]:
    """What takes more than is allowed, in words. What is on one side only is named, too."""
    found = []
    for what in sorted(recorded.app.keys() | app.keys()):
        before, now = recorded.app.get(what), app.get(what)
        if before is None or now is None:
            found.append(f"{what}: {'not recorded' if before is None else 'no longer counted'}")
        elif now > before * (1 + ALLOWED):
            found.append(f"{what}: {now:,} instructions, {now / before - 1:+.1%} against the recorded {before:,}")
    return found + _of_budgets(app)


def _of_budgets(app: Column) -> list[str]:
    """What a budget takes beyond its bar."""
    figures = {what.split(" ")[0]: count for what, count in app.items()}
    pairs = [(key, beside) for key, beside in _BUDGETS.items() if key in figures and beside in figures]
    return [
        f"{key}: a budget takes {more:,} instructions beyond {beside}, of {OF_BUDGET:,}"
        for key, beside in pairs
        if (more := figures[key] - figures[beside]) > OF_BUDGET
    ]


def exceeded_by_tls(whole: Mapping[str, Column]) -> list[str]:
    """Returns what TLS to the upstream takes beyond its bar, in words."""
    if OVER_TLS not in whole:
        return []
    plain, tls = (whole[key][LOOP] for key in ("W2", OVER_TLS))
    return [] if tls <= plain * OF_TLS else [f"{OVER_TLS}: {tls:,} instructions, {tls / plain:.2f} times W2"]


def chunk_alone(recorded: Figures) -> int:
    """Returns what a chunk takes of a worker, its sockets included, that arrives in a read of its own, as those of a
    model do: what W2 takes more than W1, for each of its chunks."""
    short, stream = (recorded.whole[key][LOOP] for key in ("W1", "W2"))
    return round((stream - short) / workloads.W2.chunks)
