"""Both columns, each from programs of its own in a temporary folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.children import Child
from benchmarks.count import app, callgrind, whole
from benchmarks.count.figures import Column
from benchmarks.count.setup import Site
from benchmarks.count.workloads import APP, BUDGET

_NOBODY = 9
"""A port that no upstream listens on: the application's is pretended."""


def count_app() -> Column:
    """Instructions per request, chunk and usage row of the application alone. Raises DidNotRun."""
    with tempfile.TemporaryDirectory(prefix="proxysite-count-") as name:
        folder = Path(name)
        library = callgrind.build(folder)
        site = Site(folder, _NOBODY)
        env = callgrind.environment(site.env, library)
        child = Child(callgrind.command(folder, "benchmarks.count.app", site.key), log=folder / "app.log", env=env)
        try:
            child.answer()
        finally:
            child.stop()
        totals = {dump: threads[1] for dump, threads in callgrind.dumped(folder).items()}
    column = {}
    for workload in (*APP, *BUDGET):
        divisor = workload.counted * (workload.chunks if workload.by_chunk else 1)
        column[f"{workload.key} {workload.what}"] = round(totals[workload.key] / divisor)
    for what, rows in app.ROWS.items():
        column[what] = round(totals[what] / rows)
    return column


def count_whole(*, tls: bool = False) -> dict[str, Column]:
    """Instructions per request of the whole server, by kind of thread; with `tls`, its upstream is asked over TLS.

    Raises DidNotRun, or Wrong.
    """
    with tempfile.TemporaryDirectory(prefix="proxysite-count-") as name:
        folder = Path(name)
        return whole.count(folder, callgrind.build(folder), tls=tls)
